import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { HostLimits } from '../../host/host-limits.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { Resources } from '../../model/resources.ts';
import type { CreateInstance } from '../api.ts';
import { settle } from './settle.ts';
import { logBounds } from './settle-options.ts';
import { parseList, settleResources } from './settle-resources.ts';
import { inheritedMounts } from './volumes-from.ts';

const HOST: HostLimits = {
  cpus: 2,
  memory: 2 ** 40,
  cpuset: '0-1',
  memoryNodes: '0',
  memoryLimit: true,
  memoryReservation: true,
  swap: true,
  memorySwappiness: true,
  oomKillDisable: true,
  cpuQuota: true,
  cpuShares: true,
  cpusets: true,
  pidsLimit: true,
  cpuRealtime: true,
  blkioWeight: true,
  blkioThrottle: true,
  appArmor: false,
  seccomp: true,
  capabilities: '1ffffffffff',
  ulimits: new Map(),
  oomScoreAdj: -1000,
};
const BARE: HostLimits = {
  ...HOST,
  swap: false,
  memorySwappiness: false,
  oomKillDisable: false,
  cpuRealtime: false,
  blkioWeight: false,
  ulimits: new Map([['nofile', 20_000]]),
  oomScoreAdj: 0,
};
const MEBI = 2 ** 20;

function of(
  request: Partial<CreateInstance>,
  host = HOST,
  isolation: 'container' | 'vm' | 'sandbox' = 'container',
) {
  const full = { source: { kind: 'image', reference: 'x' }, ...request } as const;
  return settle(full, { isolation, host, idOf: (name) => (name === 'other' ? 'f'.repeat(64) : null) });
}

describe('limits', () => {
  test.each<[Resources, string]>([
    [{ memory: 1024 }, 'Minimum memory limit allowed is 6MB'],
    [{ memory: 2 ** 41 }, 'but this host has 1024GiB'],
    [
      { memory: 64 * MEBI, memorySwap: 32 * MEBI },
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [
      { memorySwap: 32 * MEBI },
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    ],
    [{ memorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
    [{ memoryReservation: 1 }, 'Minimum memory reservation allowed is 6MB'],
    [
      { memory: 8 * MEBI, memoryReservation: 9 * MEBI },
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
    [{ nanoCpus: 3e9 }, 'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [{ nanoCpus: -1 }, 'range of CPUs'],
    [{ nanoCpus: 1e9, cpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
    [{ nanoCpus: 1e9, cpuQuota: 1000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [
      { cpuPeriod: 10 },
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [{ cpuQuota: 10 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [{ cpusetCpus: '0,5' }, 'Requested CPUs are not available - requested 0,5, available: 0-1'],
    [{ cpusetCpus: 'x' }, 'Invalid value x for cpuset cpus'],
    [{ cpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
    [{ blkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
    [{ cpuRealtimePeriod: 1000, cpuRealtimeRuntime: 2000 }, 'runtime cannot be higher than'],
  ])('refuses %j', (resources, message) => {
    expect(() => settleResources(resources, HOST)).toThrow(message);
  });

  test('memory may swap as much again', () => {
    expect(settleResources({ memory: 64 * MEBI }, HOST).value.memorySwap).toBe(128 * MEBI);
    expect(settleResources({ memory: 64 * MEBI, memorySwap: -1 }, HOST).value.memorySwap).toBe(-1);
    expect(settleResources({ memory: 64 * MEBI }, HOST, { update: true }).value.memorySwap).toBeUndefined();
  });

  test('what the kernel cannot do is left out, and told as Docker tells it', () => {
    const asked = { memory: 64 * MEBI, memorySwappiness: 5, oomKillDisable: true, blkioWeight: 100 };
    expect(settleResources(asked, BARE)).toEqual({
      value: { memory: 64 * MEBI, memorySwap: -1 },
      warnings: [
        'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
        'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
        'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
        'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
      ],
    });
    expect(settleResources({ oomKillDisable: true }, HOST).warnings[0]).toContain('no memory limit is set');
    expect(() => settleResources({ cpuRealtimePeriod: 1000 }, BARE)).toThrow('real-time scheduler');
  });

  test.each<[keyof HostLimits, Resources, string]>([
    ['memoryLimit', { memory: 64 * MEBI }, 'memory limit capabilities'],
    ['memoryReservation', { memoryReservation: 64 * MEBI }, 'memory soft limit capabilities'],
    ['pidsLimit', { pidsLimit: 10 }, 'PIDs limit capabilities'],
    ['cpuShares', { cpuShares: 10 }, 'CPU shares'],
    ['cpuQuota', { cpuQuota: 10_000, cpuPeriod: 100_000 }, 'CPU CFS scheduler. CPU period/quota'],
    ['cpusets', { cpusetCpus: '0', cpusetMems: '0' }, 'cpuset'],
    ['blkioThrottle', { blkioDeviceReadBps: [{ path: '/dev/null', rate: 1 }] }, 'BPS Block I/O read limit'],
    ['blkioThrottle', { blkioDeviceWriteIOps: [{ path: '/dev/null', rate: 1 }] }, 'IOPS Block write limit'],
  ])('without %s, what needs it is discarded, with a warning', (missing, asked, words) => {
    const { value, warnings } = settleResources(asked, { ...HOST, [missing]: false });
    expect(value).toEqual({});
    expect(warnings).toEqual([expect.stringContaining(`Your kernel does not support ${words}`)]);
    expect(settleResources(asked, HOST).warnings).toEqual([]);
  });

  test('without the CPU controller a number of CPUs is refused; no limit is no wish', () => {
    expect(() => settleResources({ nanoCpus: 1e9 }, { ...HOST, cpuQuota: false })).toThrow(
      'CPU CFS scheduler',
    );
    const none = { pidsLimit: -1, cpuShares: 0, cpusetCpus: '' };
    expect(settleResources(none, { ...HOST, pidsLimit: false, cpuShares: false, cpusets: false })).toEqual({
      ...{ value: {}, warnings: [] },
    });
  });

  test('lists of numbers', () => {
    expect(parseList('0-2,7')).toEqual(new Set([0, 1, 2, 7]));
    expect(parseList('')).toEqual(new Set());
    for (const text of ['a', '1-', '3-1', '0-99999', '-1']) expect(parseList(text)).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => void parseList(text)));
  });
});

describe('options', () => {
  test.each<[InstanceOptions, string]>([
    [{ securityOpt: ['nonsense'] }, 'invalid --security-opt 1: "nonsense"'],
    [{ securityOpt: ['odd=1'] }, 'invalid --security-opt 2: "odd=1"'],
    [{ securityOpt: ['no-new-privileges=maybe'] }, 'invalid --security-opt 2: "no-new-privileges=maybe"'],
    [{ securityOpt: ['seccomp={'] }, 'Decoding seccomp profile failed'],
    [{ pidMode: 'odd' }, 'invalid PID mode: odd'],
    [{ pidMode: 'container:' }, 'invalid PID mode: container:'],
    [{ ipcMode: 'odd' }, 'invalid IPC mode: odd'],
    [{ utsMode: 'odd' }, 'invalid UTS mode: odd'],
    [{ usernsMode: 'odd' }, 'invalid USER mode: odd'],
    [{ cgroupnsMode: 'odd' }, 'invalid cgroup namespace mode: odd'],
    [{ shmSize: -1 }, 'SHM size can not be less than 0'],
    [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
    [{ ulimits: [{ name: 'odd', soft: 1, hard: 1 }] }, 'invalid ulimit type: odd'],
    [
      { ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] },
      'ulimit soft limit must be less than or equal to hard limit: 2 > 1',
    ],
    [{ sysctls: { 'kernel.panic': '1' } }, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    [{ sysctls: { 'net.ipv4.x/../../y': '1' } }, 'is not a name of a kernel setting'],
    [{ sysctls: { 'kernel.sem': '1' }, ipcMode: 'host' }, 'not allowed in the hosts ipc namespace'],
    [{ deviceCgroupRules: ['x 1:1 r'] }, "invalid device cgroup rule format: 'x 1:1 r'"],
    [{ devices: [{ pathOnHost: 'rel', pathInContainer: '/x', permissions: 'r' }] }, 'not an absolute path'],
    [{ devices: [{ pathOnHost: '/x', pathInContainer: '/x', permissions: 'q' }] }, 'invalid device mode: q'],
    [{ annotations: { '': 'x' } }, 'the empty string is not permitted as an annotation key'],
    [{ log: { driver: 'syslog', options: {} } }, "logger: no log driver named 'syslog' is registered"],
    [
      { log: { driver: 'json-file', options: { odd: '1' } } },
      "unknown log opt 'odd' for json-file log driver",
    ],
    [{ log: { driver: 'json-file', options: { 'max-size': 'x' } } }, "invalid size: 'x'"],
    [{ log: { driver: 'json-file', options: { 'max-file': '0' } } }, 'max-file cannot be less than 1'],
    [{ log: { driver: 'local', options: { mode: 'odd' } } }, 'logger: logging mode not supported: odd'],
    [{ storageOpt: { size: '1g' } }, '--storage-opt is supported only for overlay over xfs'],
  ])('refuses %j', (options, message) => {
    expect(() => of({ options })).toThrow(message);
  });

  test('network settings are refused on the host’s network alone', () => {
    const options = { sysctls: { 'net.ipv4.ip_forward': '1' } };
    expect(of({ options }).warnings).toEqual([]);
    expect(() => of({ options, networkMode: 'host' })).toThrow('not allowed in host network namespace');
  });

  test('what needs CAP_SYS_RESOURCE is brought within reach, and told', () => {
    const options = { ulimits: [{ name: 'nofile', soft: 30_000, hard: -1 }], oomScoreAdj: -500 };
    const { value, warnings } = of({ options }, BARE);
    expect(value.options).toEqual({
      ulimits: [{ name: 'nofile', soft: 20_000, hard: 20_000 }],
      oomScoreAdj: 0,
    });
    expect(warnings).toHaveLength(2);
    expect(of({ options }).value.options).toEqual(options);
  });

  test('another instance’s namespaces are named by its id', () => {
    const options = { pidMode: 'container:other', ipcMode: 'container:unknown' };
    expect(of({ options }).value.options).toEqual({
      pidMode: `container:${'f'.repeat(64)}`,
      ipcMode: 'container:unknown',
    });
  });

  test('bounds of a log', () => {
    expect(logBounds({ driver: 'local', options: { 'max-size': '10m', 'max-file': '3' } })).toEqual({
      size: 10_000_000,
      files: 3,
    });
    expect(logBounds({ driver: 'local', options: { 'max-size': '-1' } })).toEqual({});
  });
});

describe('the rest', () => {
  test.each<[Partial<CreateInstance>, string]>([
    [{ env: ['=x'] }, 'invalid environment variable: =x'],
    [{ stopSignal: 'SIGNONE' }, 'invalid signal: SIGNONE'],
    [{ extraHosts: ['x'] }, 'bad format for add-host: "x"'],
    [{ extraHosts: ['x:y'] }, 'invalid IP address in add-host: "y"'],
    [{ capAdd: ['FOO'] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
    [{ healthcheck: { Interval: 5 } }, 'Interval in Healthcheck cannot be less than 1ms'],
    [{ healthcheck: { Retries: -1 } }, 'Retries in Healthcheck cannot be negative'],
    [
      { autoRemove: true, restartPolicy: { name: 'always', maximumRetryCount: 0 } },
      "can't create 'AutoRemove' container with restart policy",
    ],
    [
      { mounts: [{ type: 'tmpfs', source: '', target: '/x', readOnly: false, options: ['odd'] }] },
      'Invalid tmpfs option "odd"',
    ],
    [{ options: { utsMode: 'host' }, hostname: 'x' }, 'conflicting options: hostname and the UTS mode'],
  ])('refuses %j', (request, message) => {
    expect(() => of(request)).toThrow(message);
  });

  test.each<[InstanceOptions, 'vm' | 'sandbox', string]>([
    [{ pidMode: 'host' }, 'vm', 'HostConfig.PidMode'],
    [
      { devices: [{ pathOnHost: '/dev/x', pathInContainer: '/dev/x', permissions: 'r' }] },
      'vm',
      'HostConfig.Devices',
    ],
    [{ ipcMode: 'host' }, 'sandbox', 'HostConfig.IpcMode'],
    [
      { securityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] },
      'sandbox',
      'HostConfig.SecurityOpt (a seccomp profile)',
    ],
  ])('an isolation that cannot do %j says so', (options, isolation, field) => {
    expect(() => of({ options }, HOST, isolation)).toThrow(field);
    expect(of({ options }).warnings).toEqual([]);
  });

  test('any options are settled or refused as the client’s fault', () => {
    const options = fc.record(
      {
        securityOpt: fc.array(fc.string()),
        sysctls: fc.dictionary(fc.string(), fc.string()),
        pidMode: fc.string(),
        deviceCgroupRules: fc.array(fc.string()),
        log: fc.record({ driver: fc.string(), options: fc.dictionary(fc.string(), fc.string()) }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, (asked) => {
        try {
          of({ options: asked });
        } catch (error) {
          expect(error).toBeInstanceOf(HullError);
        }
      }),
    );
  });
});

describe('networks', () => {
  const linked = (network: string, link: string) =>
    of({ networks: [{ network, aliases: [], driverOptions: {}, links: [link], gatewayPriority: 0 }] });

  test('who is linked to on the default network must be there', () => {
    expect(() => linked('bridge', 'absent:db')).toThrow(
      'could not get container for absent: No such container',
    );
    expect(linked('bridge', 'other:db').warnings).toEqual([]);
    expect(linked('own', 'absent:db').warnings).toEqual([]);
  });

  test("ports are nothing on the host's network", () => {
    const ports = [{ containerPort: 80, hostPort: 80, hostIp: '', protocol: 'tcp' }] as const;
    expect(of({ ports, networkMode: 'host' }).warnings.join()).toContain('Published ports are discarded');
    expect(of({ ports }).warnings).toEqual([]);
  });
});

test('mounts of other instances', () => {
  const mount = (target: string): InstanceMount => ({
    type: 'volume',
    source: '/volumes/data',
    volume: 'data',
    target,
    readOnly: false,
    options: [],
  });
  const mountsOf = (name: string) => {
    if (name !== 'one') throw new HullError('instance-not-found', `No such container: ${name}`);
    return [mount('/a'), mount('/b')];
  };
  const own = [{ type: 'tmpfs', source: '', target: '/b', readOnly: false } as const];
  expect(inheritedMounts(['one:ro'], own, mountsOf)).toEqual([
    { type: 'volume', source: 'data', target: '/a', readOnly: true, options: [], noCopy: true },
  ]);
  expect(() => inheritedMounts(['one:odd'], [], mountsOf)).toThrow('invalid mode: odd');
  expect(() => inheritedMounts([''], [], mountsOf)).toThrow('cannot be an empty string');
  expect(() => inheritedMounts(['two'], [], mountsOf)).toThrow('No such container: two');
});

describe('a VM', () => {
  test.each([
    ['host', 'vm'],
    ['container', 'vm'],
    ['container', 'sandbox'],
  ] as const)('network %s is refused to isolation %s, naming the field', (networkMode, isolation) => {
    expect(() => of({ networkMode }, HOST, isolation)).toThrow(`HostConfig.NetworkMode '${networkMode}'`);
    expect(() => of({ networkMode })).not.toThrow();
  });

  test('is told of limits that its memory does not have', () => {
    const resources = { memory: 64 * MEBI, memorySwap: 64 * MEBI, memorySwappiness: 1, oomKillDisable: true };
    const warning = 'A VM has its memory to itself, and no swap: MemorySwappiness, OomKillDisable discarded.';
    expect(of({ resources }, HOST, 'vm').warnings).toEqual([warning]);
    expect(of({ resources }).warnings).toEqual([]);
    expect(of({ resources: { memory: 64 * MEBI } }, HOST, 'vm').warnings).toEqual([]);
  });
});

describe('protections that this host or isolation cannot give', () => {
  const opt = (...securityOpt: string[]): Partial<CreateInstance> => ({ options: { securityOpt } });
  const profile = `seccomp=${JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' })}`;

  test('are named', () => {
    expect(of(opt('apparmor=mine')).warnings).toEqual([
      'AppArmor is not enabled on this host. The profile mine discarded.',
    ]);
    expect(of(opt('apparmor=mine'), { ...HOST, appArmor: true }).warnings).toEqual([]);
    expect(of(opt('apparmor=mine'), { ...HOST, appArmor: true }, 'vm').warnings).toEqual([
      'The profile mine of AppArmor discarded: it confines nothing inside a vm.',
    ]);
    expect(of(opt('label=type:svirt', 'label=disable')).warnings).toEqual([
      'SELinux labels are not set by this engine. label=type:svirt discarded.',
    ]);
    const bare = { ...HOST, capabilities: '0' };
    expect(of({ capAdd: ['sys_admin', 'ALL'] }, bare).warnings).toEqual([
      'The engine lacks CAP_SYS_ADMIN, and cannot add it. CAP_SYS_ADMIN discarded.',
    ]);
    expect(of({ capAdd: ['SYS_ADMIN'] }, bare, 'vm').warnings).toEqual([]);
    expect(of({ capAdd: ['SYS_ADMIN'] }, bare, 'sandbox').warnings).toHaveLength(1);
    expect(of(opt('apparmor=mine'), { ...HOST, appArmor: true }, 'sandbox').warnings).toEqual([
      'The profile mine of AppArmor discarded: it confines nothing inside a sandbox.',
    ]);
  });

  test('nothing is said where nothing is missing', () => {
    const asked = opt(
      'apparmor=unconfined',
      'label=disable',
      'seccomp=unconfined',
      'no-new-privileges',
      profile,
    );
    expect(of({ ...asked, capAdd: ['NET_ADMIN', 'ALL'] }).warnings).toEqual([]);
  });

  test('a profile that no kernel looks at is refused', () => {
    expect(() => of(opt(profile), { ...HOST, seccomp: false })).toThrow(
      'seccomp is not enabled in your kernel',
    );
  });
});
