import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cgroups } from '../../src/host/cgroup.ts';
import { cgroupFacts } from '../../src/host/cgroup-parse.ts';
import { readHostLimits } from '../../src/host/host-limits.ts';
import { TestEngine } from '../support/engine.ts';
import { testIdentity } from '../support/identity.ts';

const engine = new TestEngine();
const LONG = 60_000;
const facts = cgroupFacts(engine.host.mounts.list());
const limits = readHostLimits(facts);
const v2 = facts.layout === 'v2';

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

/** What a container with these options prints. */
async function printed(options: string, script: string): Promise<string> {
  const result = await engine.docker(['run', '--rm', ...words(options), 'busybox', 'sh', '-c', script]);
  return (result.stdout + result.stderr).replaceAll(/^WARNING.*\n/gm, '').trim();
}

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

async function refusal(options: string): Promise<string> {
  const { code, stderr } = await engine.docker([
    'run',
    '--rm',
    '--pull=never',
    ...words(options),
    'busybox',
    'true',
  ]);
  expect(code).not.toBe(0);
  return stderr;
}

async function hostConfig(options: string): Promise<Record<string, unknown>> {
  const { stdout } = await engine.docker(['create', ...words(options), 'busybox', 'true']);
  const { HostConfig } = await engine.inspect(stdout.trim());
  return HostConfig as Record<string, unknown>;
}

// Docker's own client asks, the kernel answers from inside.
describe('options take effect', () => {
  test.each<[string, string, string]>([
    ['--ulimit nofile=100:200', 'ulimit -Sn; ulimit -Hn', '100\n200'],
    ['--ulimit core=-1', 'ulimit -c', 'unlimited'],
    [
      '--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=5000',
      'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax',
      '1\n5000',
    ],
    ['--device /dev/null:/dev/mine:r', 'test -c /dev/mine && echo made', 'made'],
    ['--device /dev/null:/dev/mine:r', 'echo > /dev/null; echo x 2>&1 > /dev/mine || echo not written', ''],
    ['--cap-drop ALL --cap-add NET_ADMIN', 'grep CapEff /proc/self/status | cut -f2', '0000000000001000'],
    ['--security-opt no-new-privileges', 'grep NoNewPrivs /proc/self/status | cut -f2', '1'],
    ['', 'grep Seccomp: /proc/self/status | cut -f2', '2'],
    ['--security-opt seccomp=unconfined', 'grep Seccomp: /proc/self/status | cut -f2', '0'],
    ['--security-opt systempaths=unconfined', 'mount | grep -c "on /proc/sys .*ro"', '0'],
    ['--oom-score-adj 500', 'cat /proc/self/oom_score_adj', '500'],
    ['--shm-size 1m', 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2', '1024'],
    ['--group-add 1234', 'id -G', '0 1234'],
    ['--ipc none', 'ls /dev | grep -c shm', '0'],
    [
      '--read-only --tmpfs /scratch:size=1m,exec',
      'touch /x 2>/dev/null; echo $?; mount | grep -c "/scratch.*noexec"',
      '1\n0',
    ],
    ['--tmpfs /t', 'mount | grep "/t " | grep -c noexec', '1'],
    ['--init', 'cat /proc/1/comm', 'docker-init'],
    ['-h box --domainname example.org', 'hostname -f', 'box.example.org'],
    ['--stop-signal SIGRTMIN+3 -e A=b -w /work -u 5:6', 'echo $A $(pwd) $(id -u):$(id -g)', 'b /work 5:6'],
  ])('%s', async (options, script, expected) => {
    if (
      options.includes('--init') &&
      !existsSync('/usr/bin/tini-static') &&
      !existsSync('/usr/bin/docker-init')
    )
      return;
    expect(await printed(options, script)).toBe(expected);
  });

  test('a profile of one’s own', async () => {
    const path = join(engine.folder, 'profile.json');
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };
    writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    expect(
      await printed(`--security-opt seccomp=${path}`, 'mkdir /made 2>&1; touch /fine && echo fine'),
    ).toMatch(/Operation not permitted\nfine$/);
  });

  test('namespaces of the host and of another container', async () => {
    const pids = Number(await printed('--pid host', 'ls /proc | grep -c "^[0-9]"'));
    expect(pids).toBeGreaterThan(10);
    const { stdout } = await engine.host.exec.run(['hostname']);
    expect(await printed('--uts host', 'hostname')).toBe(stdout.trim());
    await engine.docker(['run', '-d', '--name', 'donor', '--ipc', 'shareable', 'busybox', 'sleep', '600']);
    await engine.docker(['exec', 'donor', 'sh', '-c', 'echo shared > /dev/shm/word']);
    expect(await printed('--ipc container:donor', 'cat /dev/shm/word')).toBe('shared');
    expect(await printed('--pid container:donor', 'cat /proc/1/cmdline | tr "\\0" " "')).toBe('sleep 600');
    await engine.docker(['run', '-d', '--name', 'miser', 'busybox', 'sleep', '600']);
    expect(await refusal('--ipc container:miser')).toContain('non-shareable IPC');
    const { PidMode } = await hostConfig('--pid container:donor');
    expect(PidMode).toMatch(/^container:[0-9a-f]{64}$/);
  });

  test('privileged: capabilities, devices, writable system; exec too', async () => {
    const script =
      'test -e /dev/loop-control -o -e /dev/vda -o -e /dev/kmsg && echo devices; mount | grep -c "sysfs.*ro[,)]"';
    expect(await printed('--privileged', script)).toBe('devices\n0');
    await engine.docker(['run', '-d', '--name', 'plain', 'busybox', 'sleep', '600']);
    const effective = async (...flags: string[]) =>
      (await engine.docker(['exec', ...flags, 'plain', 'grep', 'CapEff', '/proc/self/status'])).stdout;
    expect(await effective()).not.toBe(await effective('--privileged'));
  });
});

describe('limits are in the control group', () => {
  const file = (controller: string, one: string, two: string): string =>
    v2 ? `/sys/fs/cgroup/${two}` : `/sys/fs/cgroup/${controller}/${one}`;

  test('inside, outside, and in the statistics', async () => {
    const options =
      '--memory 64m --memory-reservation 32m --cpu-quota 20000 --cpu-period 50000 --cpu-shares 512 --pids-limit 33 --cpuset-cpus 0';
    const id = (
      await engine.docker(['run', '-d', ...words(options), 'busybox', 'sleep', '600'])
    ).stdout.trim();
    const read = async (path: string) => (await engine.docker(['exec', id, 'cat', path])).stdout.trim();
    expect(await read(file('memory', 'memory.limit_in_bytes', 'memory.max'))).toBe(String(64 << 20));
    expect(await read(file('memory', 'memory.soft_limit_in_bytes', 'memory.low'))).toBe(String(32 << 20));
    expect(await read(file('pids', 'pids.max', 'pids.max'))).toBe('33');
    expect(await read(file('cpuset', 'cpuset.cpus', 'cpuset.cpus'))).toBe('0');
    if (!v2) {
      expect(await read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')).toBe('20000');
      expect(await read('/sys/fs/cgroup/cpu/cpu.shares')).toBe('512');
      if (limits.swap)
        expect(await read('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes')).toBe(String(128 << 20));
    }
    // The same group, seen from the host.
    const pid = Number((await engine.inspect(id)).State['Pid']);
    const own = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const path = /hull-[0-9a-f]{4}\/[0-9a-f]{64}/.exec(own)?.[0] ?? '';
    const group = new Cgroups(engine.host, testIdentity(engine.folder)).group(path);
    expect(group.stats()).toMatchObject({ memoryLimit: 64 << 20, pidsLimit: 33 });
    const { stdout } = await engine.docker([
      'stats',
      '--no-stream',
      '--format',
      '{{.MemUsage}} {{.PIDs}}',
      id,
    ]);
    expect(stdout).toContain('64MiB');
    expect(stdout.trim()).toMatch(/ 1$/);
  });

  test.each<[string, string]>([
    ['--cpuset-cpus 999', 'Requested CPUs are not available - requested 999, available:'],
    ['--cpus 999', 'range of CPUs is from 0.01 to'],
    ['--memory 1m', 'Minimum memory limit allowed is 6MB'],
    ['--cpus 1 --cpu-quota 50000', 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    ['--net host --sysctl net.ipv4.ip_forward=1', 'not allowed in host network namespace'],
    [
      '--device /dev/absent',
      'error gathering device information while adding custom device "/dev/absent": no such file or directory',
    ],
    ['--gpus all', 'could not select device driver "" with capabilities: [[gpu]]'],
    ['--storage-opt size=1g', '--storage-opt is supported only for overlay over xfs'],
    ['--log-driver syslog', "logger: no log driver named 'syslog' is registered"],
    ['--runtime nonsense', 'unknown or invalid runtime name: nonsense'],
    ['--platform linux/s390x', 'does not match the specified platform (linux/s390x)'],
  ])('refuses %s', async (options, message) => {
    expect(await refusal(options)).toContain(message);
  });

  test('what is beyond reach is lowered, and told', async () => {
    if (!limits.ulimits.has('nofile')) return;
    const { stdout, stderr } = await engine.docker(
      words('run --rm --ulimit nofile=900000000:900000000 busybox sh -c').concat('ulimit -n'),
    );
    expect(stdout.trim()).toBe(String(limits.ulimits.get('nofile')));
    expect(stderr).toContain('WARNING: The engine lacks CAP_SYS_RESOURCE');
  });
});

describe('inspect shows what was asked', () => {
  test('of nothing: Docker’s defaults', async () => {
    expect(await hostConfig('')).toMatchObject({
      Binds: null,
      LogConfig: { Type: 'json-file', Config: {} },
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      IpcMode: 'private',
      CgroupnsMode: 'private',
      ShmSize: 67_108_864,
      Runtime: 'runc',
      PidsLimit: null,
      MemorySwappiness: null,
      SecurityOpt: null,
      Devices: [],
      Ulimits: [],
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ['-v /tmp:/a:ro,rslave -v data:/b', { Binds: ['/tmp:/a:ro,rslave', 'data:/b'] }],
    [
      '--mount type=tmpfs,target=/t,tmpfs-size=1024',
      { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1024 } }] },
    ],
    ['--tmpfs /t:size=1m', { Tmpfs: { '/t': 'size=1m' } }],
    ['--cpu-quota 20000', { CpuQuota: 20_000, NanoCpus: 0 }],
    ['--memory 64m', { Memory: 64 << 20, MemorySwap: limits.swap ? 128 << 20 : -1 }],
    [
      '--device /dev/null',
      { Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/null', CgroupPermissions: 'rwm' }] },
    ],
    ['--ulimit nofile=5:6', { Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 6 }] }],
    ['--restart on-failure:3', { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } }],
    ['--log-opt max-size=1m', { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } } }],
    ['--privileged', { Privileged: true, SecurityOpt: ['label=disable'], MaskedPaths: null }],
    ['--annotation a=b --group-add 7', { Annotations: { a: 'b' }, GroupAdd: ['7'] }],
  ])('%s', async (options, expected) => {
    expect(await hostConfig(options)).toMatchObject(expected);
  });
});

describe('mounts', () => {
  test('of another container', async () => {
    await engine.docker([
      'run',
      '--name',
      'keeper',
      '-v',
      'kept:/kept',
      'busybox',
      'sh',
      '-c',
      'echo word > /kept/f',
    ]);
    expect(
      await printed('--volumes-from keeper:ro', 'cat /kept/f; touch /kept/g 2>/dev/null || echo read-only'),
    ).toBe('word\nread-only');
    expect(await refusal('--volumes-from nobody')).toContain(
      'Error response from daemon: No such container: nobody',
    );
  });

  test('are read-only with all that is mounted below, unless told otherwise', async () => {
    const folder = join(engine.folder, 'nested');
    mkdirSync(join(folder, 'below'), { recursive: true });
    engine.host.mounts.mount('x', join(folder, 'below'), 'tmpfs', '');
    try {
      const script = 'touch /m/below/f 2>/dev/null && echo written || echo refused';
      expect(await printed(`-v ${folder}:/m:ro`, script)).toBe('refused');
      const mount = `type=bind,src=${folder},dst=/m,readonly`;
      expect(await printed(`--mount ${mount},bind-recursive=writable`, script)).toBe('written');
      expect(await printed(`--mount ${mount},bind-recursive=disabled`, 'ls /m/below | wc -l')).toBe('0');
    } finally {
      engine.host.mounts.detach(join(folder, 'below'));
    }
  });

  test('propagate from the host where the host’s mount does', async () => {
    const folder = join(engine.folder, 'shared');
    mkdirSync(folder);
    engine.host.mounts.mount('x', folder, 'tmpfs', '');
    try {
      expect(await refusal(`-v ${folder}:/m:rshared`)).toContain('is not a shared mount');
      await engine.host.exec.must(['mount', '--make-shared', folder]);
      await engine.docker([
        'run',
        '-d',
        '--name',
        'sees',
        '-v',
        `${folder}:/m:rslave`,
        'busybox',
        'sleep',
        '600',
      ]);
      mkdirSync(join(folder, 'later'));
      engine.host.mounts.mount('y', join(folder, 'later'), 'tmpfs', '');
      writeFileSync(join(folder, 'later/word'), 'seen');
      expect((await engine.docker(['exec', 'sees', 'cat', '/m/later/word'])).stdout).toBe('seen');
      await engine.docker(['rm', '-f', 'sees']);
    } finally {
      engine.host.mounts.detach(join(folder, 'later'));
      engine.host.mounts.detach(folder);
    }
  });
});

test(
  'logs are bounded as asked, or not kept',
  async () => {
    const fill = 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done';
    await engine.docker([
      'run',
      '--name',
      'chatty',
      ...words('--log-opt max-size=20k --log-opt max-file=2'),
      'busybox',
      'sh',
      '-c',
      fill,
    ]);
    const { stdout } = await engine.docker(['logs', 'chatty']);
    expect(stdout).toEndWith('line 2999\n');
    expect(stdout.length).toBeLessThan(45_000);
    const silent = await engine.docker([
      'run',
      '--name',
      'silent',
      '--log-driver',
      'none',
      'busybox',
      'echo',
      'heard',
    ]);
    expect(silent.stdout).toBe('heard\n');
    expect((await engine.docker(['logs', 'silent'])).stderr).toContain(
      'configured logging driver does not support reading',
    );
  },
  LONG,
);

test(
  'nothing is left of all that',
  async () => {
    const ids = (await engine.must(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    await engine.must(['rm', '-f', ...ids]);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);
