import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Bundle } from '../runtime.ts';
import {
  ALL_CAPABILITIES,
  capabilitiesOf,
  DEFAULT_CAPABILITIES,
  resolveCapabilities,
} from '../capabilities.ts';
import { parseSeccompProfile, resolveSeccomp } from './seccomp.ts';
import { buildSpec, type SpecFacts } from './spec.ts';
import { SAMPLE_BUNDLE, SAMPLE_FACTS } from './testing/sample-spec.ts';
import { resolveUser } from './user.ts';

const BUNDLE: Bundle = {
  ...SAMPLE_BUNDLE,
  process: { ...SAMPLE_BUNDLE.process, env: ['PATH=/bin'], cwd: '/work' },
};
const FACTS: SpecFacts = {
  ...SAMPLE_FACTS,
  user: { ...SAMPLE_FACTS.user, groups: [10] },
  capabilities: DEFAULT_CAPABILITIES,
  seccomp: { defaultAction: 'SCMP_ACT_ERRNO', architectures: [], syscalls: [] },
};

describe('buildSpec', () => {
  test('a profile of AppArmor, where it was named', () => {
    expect(buildSpec(BUNDLE, FACTS).process.apparmorProfile).toBeUndefined();
    expect(buildSpec(BUNDLE, { ...FACTS, appArmor: 'mine' }).process.apparmorProfile).toBe('mine');
  });

  const build = (bundle: Partial<Bundle> = {}, facts: Partial<SpecFacts> = {}) =>
    buildSpec({ ...BUNDLE, ...bundle }, { ...FACTS, ...facts });

  test('Docker defaults: masked paths, seccomp, own namespaces, limits that the host has', () => {
    const spec = build();
    expect(spec.linux.maskedPaths).toContain('/proc/kcore');
    expect(spec.linux.seccomp).toBeDefined();
    expect(spec.linux.namespaces.map(({ type }) => type)).toEqual([
      'pid',
      'mount',
      'uts',
      'ipc',
      'cgroup',
      'network',
    ]);
    expect(spec.process.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 20_000, hard: 20_000 }]);
    expect(spec.process.env).toEqual(['PATH=/bin', 'HOME=/root']);
    expect(spec.process.user).toEqual({ uid: 0, gid: 0, additionalGids: [0, 10] });
    expect(spec.linux.cgroupsPath).toBe('/hull-1a2b/aaa');
    expect(spec.mounts.find(({ destination }) => destination === '/sys')?.options).toContain('ro');
    expect(spec.linux.resources.devices[0]).toEqual({ allow: false, access: 'rwm' });
  });

  test('privileged: nothing masked, every device', () => {
    const spec = build({ privileged: true });
    expect(spec.linux.maskedPaths).toBeUndefined();
    expect(spec.linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
  });

  test('another user than root has no effective capabilities', () => {
    const { capabilities } = build({}, { user: { uid: 5, gid: 5, groups: [], home: '/' } }).process;
    expect([capabilities.effective, capabilities.permitted, capabilities.bounding]).toEqual([
      [],
      [],
      DEFAULT_CAPABILITIES,
    ]);
  });

  test('host network: no namespace, no network sysctls', () => {
    const { linux } = build({ network: { mode: 'host' } });
    expect(linux.namespaces.some(({ type }) => type === 'network')).toBe(false);
    expect(linux.sysctl).toEqual({});
  });

  test('init wraps the command', () => {
    const spec = build({ init: true }, { initProgram: '/usr/bin/tini-static' });
    expect(spec.process.args).toEqual(['/sbin/docker-init', '--', 'true']);
    expect(spec.mounts.some(({ source }) => source === '/usr/bin/tini-static')).toBe(true);
  });

  test('mounts: parents first, the user’s own files win over the engine’s', () => {
    const mount = { type: 'bind', source: '/s', readOnly: true, options: [] } as const;
    const { mounts } = build({
      mounts: [
        { ...mount, target: '/a/b' },
        { ...mount, target: '/a' },
        { ...mount, target: '/etc/hosts' },
      ],
    });
    expect(mounts.filter(({ source }) => source === '/s').map(({ destination }) => destination)).toEqual([
      '/a',
      '/a/b',
      '/etc/hosts',
    ]);
    expect(mounts.filter(({ destination }) => destination === '/etc/hosts').length).toBe(1);
    expect(mounts.at(-1)?.options).toEqual(['rbind', 'rprivate', 'ro', 'rro']);
  });

  test('resources in OCI words', () => {
    const resources = {
      memory: 1 << 26,
      nanoCpus: 1_500_000_000,
      cpuShares: 512,
      cpusetCpus: '0-1',
      pidsLimit: 50,
    };
    expect(build({ resources }).linux.resources).toMatchObject({
      memory: { limit: 1 << 26, swap: 1 << 27 },
      cpu: { quota: 150_000, period: 100_000, shares: 512, cpus: '0-1' },
      pids: { limit: 50 },
    });
    expect(build({ resources }, { swapLimit: false }).linux.resources.memory).toEqual({ limit: 1 << 26 });
  });
});

describe('capabilities', () => {
  const all = new Set<string>(ALL_CAPABILITIES);
  const resolve = (
    capAdd: string[],
    capDrop: string[],
    privileged = false,
    held: ReadonlySet<string> = all,
  ) => resolveCapabilities({ capAdd, capDrop, privileged }, held);

  test('Docker’s rules', () => {
    expect(new Set(resolve([], []))).toEqual(new Set(DEFAULT_CAPABILITIES));
    expect(resolve(['net_admin'], ['ALL'])).toEqual(['CAP_NET_ADMIN']);
    expect(resolve(['ALL'], ['SYS_ADMIN'])).not.toContain('CAP_SYS_ADMIN');
    expect(resolve([], ['CAP_CHOWN'])).not.toContain('CAP_CHOWN');
    expect(() => resolve(['FLY'], [])).toThrow('unknown capability');
  });

  test('never more than the host holds', () => {
    const held = capabilitiesOf('000001fffeffffff');
    expect(held.has('CAP_SYS_RESOURCE')).toBe(false);
    fc.assert(
      fc.property(
        fc.subarray([...ALL_CAPABILITIES]),
        fc.subarray([...ALL_CAPABILITIES]),
        fc.boolean(),
        (add, drop, privileged) => {
          for (const name of resolve(add, drop, privileged, held)) expect(held.has(name)).toBe(true);
        },
      ),
    );
  });

  test('any mask text', () => {
    fc.assert(fc.property(fc.string(), (mask) => void capabilitiesOf(mask)));
  });
});

describe('seccomp', () => {
  const rule = { names: ['mount'], action: 'SCMP_ACT_ALLOW' };
  const profile = parseSeccompProfile(
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
      syscalls: [
        { ...rule, includes: { caps: ['CAP_SYS_ADMIN'] } },
        { ...rule, action: 'SCMP_ACT_ERRNO', errnoRet: 1, excludes: { caps: ['CAP_SYS_ADMIN'] } },
        { names: ['modify_ldt'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['amd64'] } },
        { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
      ],
    }),
  );

  test('conditions are resolved', () => {
    const plain = resolveSeccomp(profile, { capabilities: [], architecture: 'x64', kernel: '6.1.0-1' });
    expect(plain.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
    expect(plain.syscalls.map(({ names, action }) => `${names[0] ?? ''} ${action}`)).toEqual([
      'mount SCMP_ACT_ERRNO',
      'modify_ldt SCMP_ACT_ALLOW',
      'ptrace SCMP_ACT_ALLOW',
    ]);
    const admin = resolveSeccomp(profile, {
      capabilities: ['CAP_SYS_ADMIN'],
      architecture: 'arm64',
      kernel: '4.4.0',
    });
    expect(admin.syscalls.map(({ names }) => names[0])).toEqual(['mount']);
  });

  test('what is no profile is refused', () => {
    expect(() => parseSeccompProfile('{}')).toThrow(SyntaxError);
    expect(() => parseSeccompProfile('[')).toThrow(SyntaxError);
  });
});

describe('resolveUser', () => {
  const files = {
    passwd:
      'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100::/home/alice:/bin/sh\nbroken:x:abc:1::/:\n12:x:77:77::/t:\n',
    group: 'root:x:0:\nusers:x:100:\nwheel:x:10:root,alice\nvideo:x:44:alice\nbad:x:y:alice\n',
  };

  test('names, numbers and groups', () => {
    expect(resolveUser('', files)).toEqual({ uid: 0, gid: 0, groups: [10], home: '/root' });
    expect(resolveUser('alice', files)).toEqual({
      uid: 1000,
      gid: 100,
      groups: [10, 44],
      home: '/home/alice',
    });
    expect(resolveUser('1000', files)).toEqual({
      uid: 1000,
      gid: 100,
      groups: [10, 44],
      home: '/home/alice',
    });
    expect(resolveUser('alice:video', files)).toEqual({
      uid: 1000,
      gid: 44,
      groups: [],
      home: '/home/alice',
    });
    expect(resolveUser('4242:4343', files)).toEqual({ uid: 4242, gid: 4343, groups: [], home: '/' });
    expect(resolveUser('12', files).uid).toBe(77);
    expect(() => resolveUser('nobody-here', files)).toThrow('unable to find user nobody-here');
    expect(() => resolveUser('root:nothing', files)).toThrow('unable to find group nothing');
    expect(() => resolveUser('4294967295', files)).toThrow('uids and gids must be in range 0-4294967294');
  });

  test('whatever the files hold, ids are in range', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.constantFrom('', '0', 'root', '5:6'),
        (passwd, group, text) => {
          try {
            const { uid, gid, groups } = resolveUser(text, { passwd, group });
            for (const id of [uid, gid, ...groups]) expect(id >= 0 && id < 2 ** 32 - 1).toBe(true);
          } catch (error) {
            expect(String(error)).toContain('unable to find');
          }
        },
      ),
    );
  });
});
