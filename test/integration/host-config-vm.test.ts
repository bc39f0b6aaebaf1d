import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { NO_VMS, TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 120_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

describe.skipIf(NO_VMS !== null)('a VM', () => {
  test(
    'has the options that mean something to it, chosen by a label',
    async () => {
      const options = [
        '-d --name guest --label hull.isolation=vm --memory 96m --cpus 1 --pids-limit 77 --hostname box --shm-size 3m',
        '--ulimit nofile=100:200 --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=5000 --group-add 1234 --init',
        '--security-opt no-new-privileges --oom-score-adj 300 --cap-drop ALL --cap-add NET_RAW --read-only',
        '--tmpfs /scratch:size=1m,exec -e A=b -w /scratch',
      ].join(' ');
      const made = await engine.docker(['run', ...words(options), 'busybox', 'sleep', '600']);
      expect(
        made.stderr
          .split('\n')
          .filter((line) => !line.startsWith('WARNING'))
          .join(''),
      ).toBe('');
      const script = [
        'ulimit -Sn; ulimit -Hn; id -G; hostname; pwd; echo $A',
        'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/self/oom_score_adj',
        'grep NoNewPrivs /proc/self/status | cut -f2; grep CapEff /proc/self/status | cut -f2',
        'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; mount | grep -c "/scratch.*noexec"',
        'cat /sys/fs/cgroup/pids.max; touch /x 2>/dev/null || echo read-only',
      ].join('; ');
      const { stdout, stderr } = await engine.docker(['exec', 'guest', 'sh', '-c', script]);
      expect(stderr).toBe('');
      expect(stdout.trim().split('\n')).toEqual([
        ...['100', '200', '0 1234', 'box', '/scratch', 'b'],
        ...['1', '5000', '300'],
        ...['1', '0000000000002000'],
        ...['3072', '0'],
        ...['77', 'read-only'],
      ]);
      const inspected = await engine.inspect('guest');
      expect(inspected['HostConfig']).toMatchObject({ Isolation: 'vm', PidsLimit: 77, ShmSize: 3 << 20 });
      await engine.must(['rm', '-f', 'guest']);
    },
    LONG,
  );

  test.each([
    ['--pid host', 'HostConfig.PidMode'],
    ['--device /dev/null', 'HostConfig.Devices'],
    ['--ipc host', 'HostConfig.IpcMode'],
    ['-v /tmp:/x:rshared', 'propagate'],
    ['--cgroup-parent /x', 'HostConfig.CgroupParent'],
  ])('says that it cannot do %s', async (options, field) => {
    const line = `create --pull=never --isolation vm ${options} busybox true`;
    expect((await engine.docker(words(line))).stderr).toContain(field);
  });

  test(
    'a FIFO in the place of an account file is no reason to wait',
    async () => {
      await engine.host.exec.must(['mkfifo', `${engine.folder}/fifo`]);
      const mount = `${engine.folder}/fifo:/etc/group`;
      const result = await engine.docker(words(`run --rm --isolation vm -v ${mount} busybox echo came`));
      expect(result.stdout).toBe('came\n');
    },
    LONG,
  );
});
