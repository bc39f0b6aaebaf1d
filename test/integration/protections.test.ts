import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { securityModules } from '../../src/host/host-limits.ts';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine({ watched: true });
const LONG = 60_000;
const EPERM = 1;
const EBADF = 9;
const EFAULT = 14;
const EINVAL = 22;
const ENOSYS = 38;
const EOPNOTSUPP = 95;
const NEW_USER = 0x10000000;
const NO_RANDOMIZATION = 0x40000;

/** By their numbers on x86-64, with arguments that the kernel itself refuses in another way than a filter. */
const CALLS = {
  unshare: `272:${NEW_USER}`,
  setns: '308:-1',
  keyctl: '250:99',
  mount_setattr: '442:-1',
  open_tree: '428:-1:0',
  clone3: '435',
  bpf: '321:-1',
  io_uring_setup: '425:1',
  vsock: '41:40:1',
  cryptography: '41:38:5',
  ipv4: '41:2:1',
  personality: `135:${NO_RANDOMIZATION}`,
  query: '135:0xffffffff',
  swapoff: '168',
} as const;

const probe = (): string => join(engine.folder, 'probe');

beforeAll(async () => {
  await engine.host.exec.must([
    'musl-gcc',
    '-static',
    '-o',
    probe(),
    join(import.meta.dir, 'support/system-calls.c'),
  ]);
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

/** What each system call ends with in a container with these options: an errno, 0 where it worked. */
async function attempts(...options: string[]): Promise<Record<keyof typeof CALLS, number>> {
  const names = Object.keys(CALLS);
  const printed = await engine.mustDocker(
    ...['run', '--rm', '-v', `${probe()}:/probe:ro`, ...options, 'busybox', '/probe'],
    ...Object.values(CALLS),
  );
  const results = printed.split('\n').map((line) => Number(line.split(' ')[1]));
  return Object.fromEntries(names.map((name, at) => [name, results[at]])) as Record<
    keyof typeof CALLS,
    number
  >;
}

const REFUSED = {
  unshare: EPERM,
  setns: EPERM,
  keyctl: EPERM,
  mount_setattr: EPERM,
  open_tree: EPERM,
  clone3: ENOSYS,
  bpf: EPERM,
  io_uring_setup: EPERM,
  vsock: EPERM,
  cryptography: EPERM,
  ipv4: 0,
  personality: EPERM,
  query: 0,
  swapoff: EPERM,
};

// Each filter twice: it is compiled for the first container, and found by the next.
describe.each([1, 2])('system calls, filter number %d', () => {
  test("a default container has Docker's filter", async () => {
    expect(await attempts()).toEqual(REFUSED);
  });

  test('a user without rights gets no user namespace, which would give every capability', async () => {
    expect(await attempts('--user', '65534:65534')).toEqual(REFUSED);
    const script = 'grep -E "^(Seccomp|CapEff):" /proc/self/status | tr -d "\\n\\t"; unshare -Urn true';
    const { code, stdout } = await engine.docker([
      ...['run', '--rm', '--user', '65534:65534', 'busybox', 'sh', '-c', script],
    ]);
    expect([code === 0, stdout]).toEqual([false, 'CapEff:0000000000000000Seccomp:2']);
  });

  test('with CAP_SYS_ADMIN come the calls that need it, and no others', async () => {
    expect(await attempts('--cap-add', 'SYS_ADMIN')).toEqual({
      ...REFUSED,
      ...{ unshare: 0, setns: EBADF, mount_setattr: EINVAL, open_tree: EFAULT, clone3: EINVAL, bpf: EINVAL },
    });
  });

  test('what the library is too old to know is allowed or refused as the profile says, and what nobody knows is absent', async () => {
    const numbers = [457, 458, 459, 460, 461, 462, 463, 464, 465, 466, 467, 1000];
    const results = async (...options: string[]): Promise<Record<string, string>> => {
      const run = ['run', '--rm', '-v', `${probe()}:/probe:ro`, ...options, 'busybox', '/probe'];
      const printed = await engine.mustDocker(...run, ...numbers.map((number) => `${number}:-1`));
      return Object.fromEntries(printed.split('\n').map((line) => line.split(' ')));
    };
    const kernel = await results('--security-opt', 'seccomp=unconfined');
    const [refused, absent] = [String(EPERM), String(ENOSYS)];
    expect(await results()).toEqual({
      ...kernel,
      ...{ 459: refused, 460: refused, 461: refused, 467: absent, 1000: absent },
    });
  });

  test.each(['--privileged', '--security-opt=seccomp=unconfined'])('no filter: %s', async (option) => {
    const { unshare, keyctl, clone3, personality, vsock } = await attempts(option);
    expect({ unshare, keyctl, clone3, personality }).toEqual({
      ...{ unshare: 0, keyctl: EOPNOTSUPP, clone3: EINVAL, personality: 0 },
    });
    expect(vsock).not.toBe(EPERM);
  });

  test('a profile of the user’s own takes the place of the default', async () => {
    const file = join(engine.folder, 'profile.json');
    const syscalls = [{ names: ['personality'], action: 'SCMP_ACT_ERRNO', errnoRet: EBADF }];
    writeFileSync(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
    const { personality, keyctl } = await attempts('--security-opt', `seccomp=${file}`);
    expect({ personality, keyctl }).toEqual({ personality: EBADF, keyctl: EOPNOTSUPP });
  });
});

test('what cannot be had is named where it is asked for, and info promises what there is', async () => {
  const { securityOptions, appArmor } = {
    securityOptions: await engine.mustDocker('info', '--format', '{{json .SecurityOptions}}'),
    appArmor: securityModules().appArmor,
  };
  expect(JSON.parse(securityOptions)).toContain('name=seccomp,profile=builtin');
  const warnings = await engine.mustDocker('info', '--format', '{{json .Warnings}}');
  expect(warnings.includes('AppArmor')).toBe(appArmor);
  const asked = [
    '--security-opt',
    'label=type:svirt_t',
    ...(appArmor ? [] : ['--security-opt', 'apparmor=mine']),
  ];
  const { code, stderr } = await engine.docker(['create', ...asked, 'busybox', 'true']);
  expect(code).toBe(0);
  expect(stderr).toContain('label=type:svirt_t discarded');
  if (!appArmor) expect(stderr).toContain('The profile mine discarded');
});

describe('what an instance can make grow', () => {
  /** Kilobytes in the folders of all runs. */
  const used = async (): Promise<number> =>
    Number.parseInt(await engine.host.exec.must(['du', '-sk', join(engine.folder, 'run/i')]), 10);

  test(
    'its name files have a bound of their own: who fills them takes nothing from the others',
    async () => {
      const fill = ['hosts', 'resolv.conf', 'hostname'].map((name) => `yes | head -c 16m >> /etc/${name}`);
      const script = [...fill, 'echo done; sleep 300'].join('; ');
      const hostile = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
      await engine.mustDocker('run', '-d', '--name', 'filler', ...hostile, 'busybox', 'sh', '-c', script);
      const sizes = (): Promise<string> =>
        engine.mustDocker(
          'exec',
          'filler',
          'stat',
          '-c',
          '%s',
          '/etc/hosts',
          '/etc/resolv.conf',
          '/etc/hostname',
        );
      const total = async (): Promise<number> =>
        (await sizes()).split('\n').reduce((sum, size) => sum + Number(size), 0);
      await until('the files are full', async () => {
        return (await engine.mustDocker('logs', 'filler')).includes('done') ? true : null;
      });
      expect(await total()).toBeLessThanOrEqual(1 << 20);
      expect(await used()).toBeLessThan(2048);
      expect(await engine.mustDocker('run', '--rm', 'busybox', 'grep', '-c', 'localhost', '/etc/hosts')).toBe(
        '2',
      );
      await engine.mustDocker('network', 'create', 'later');
      const { code, stderr } = await engine.docker(['network', 'connect', 'later', 'filler']);
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining('it has filled the space')]);
      await engine.mustDocker('rm', '-f', 'filler');
      await engine.mustDocker('network', 'rm', 'later');
      const mounts = engine.host.mounts
        .list()
        .filter(({ target }) => target.startsWith(`${engine.folder}/run/i`));
      expect(mounts).toEqual([]);
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  test('what lies in memory counts against its limit, and terminals have a bound', async () => {
    const fill = 'head -c 100m /dev/zero > /dev/shm/x';
    const small = ['-m', '32m', '--memory-swap', '32m', '--shm-size', '256m'];
    const { code } = await engine.docker(['run', '--rm', ...small, 'busybox', 'sh', '-c', fill]);
    expect(code).toBe(137);
    const mounts = await engine.mustDocker('run', '--rm', 'busybox', 'cat', '/proc/mounts');
    expect(mounts).toMatch(/^devpts \/dev\/pts .*\bmax=1024\b/m);
  });
});
