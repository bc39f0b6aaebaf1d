import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { collect, readUntil, VmFixture } from './vm-fixture.ts';

const SLOW = 60_000;
let fixture: VmFixture;

beforeAll(async () => {
  fixture = await VmFixture.create();
}, SLOW);
afterAll(async () => {
  await fixture.remove();
}, SLOW);
afterEach(async () => {
  await fixture.runtime.delete(fixture.id);
  await fixture.newScratch();
}, SLOW);

describe('the workload of a VM', () => {
  test(
    'runs as process 1 of its own root, with output, environment, folder, files and exit code',
    async () => {
      const script =
        'echo pid $$; echo $COLOUR; pwd; hostname; cat /etc/resolv.conf /etc/hosts; echo problem >&2; id; exit 7';
      const process = {
        args: ['sh', '-c', script],
        env: ['PATH=/bin', 'COLOUR=red'],
        cwd: '/new/folder',
        user: 'bob',
        tty: false,
      };
      const { runtime, stdio } = await fixture.run(fixture.bundle([], { process }));
      const output = await collect(stdio.output);
      expect(output.stdout).toBe(
        'pid 1\nred\n/new/folder\nbox\nnameserver 10.77.0.1\n127.0.0.1 localhost\nuid=1000(bob) gid=1001(bobs) groups=1001(bobs),2000(extra)\n',
      );
      expect(output.stderr).toBe('problem\n');
      const exit = await runtime.wait(fixture.id);
      expect(exit).toMatchObject({ code: 7, oomKilled: false });
      expect(Math.abs(exit.finishedAt - Date.now())).toBeLessThan(10_000);
      const log = readFileSync(`${fixture.folder}/run/log`, 'utf8');
      expect(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 stdout F pid 1$/m);
      expect(log).toMatch(/ stderr F problem$/m);
    },
    SLOW,
  );

  test(
    'that does not exist is refused with 127, that may not be executed with 126',
    async () => {
      const { runtime } = fixture;
      await runtime.create(fixture.bundle(['nothing']));
      await expect(runtime.start(fixture.id)).rejects.toMatchObject({
        code: 'start-failed',
        details: { exitCode: 127 },
      });
      await runtime.delete(fixture.id);
      await fixture.newScratch();
      await runtime.create(fixture.bundle(['/bin/not-executable']));
      await expect(runtime.start(fixture.id)).rejects.toMatchObject({ details: { exitCode: 126 } });
    },
    SLOW,
  );

  test(
    'reads stdin to its end, and writes more than any buffer holds',
    async () => {
      const { runtime, stdio } = await fixture.run(
        fixture.bundle(['sh', '-c', 'wc -c; seq 1 200000'], { openStdin: true, stdinOnce: true }),
      );
      await stdio.write(Buffer.alloc(300_000, 'x'));
      await stdio.closeInput();
      const { stdout } = await collect(stdio.output);
      expect(stdout.slice(0, 7)).toBe('300000\n');
      expect(stdout.trimEnd().split('\n')).toHaveLength(200_001);
      expect((await runtime.wait(fixture.id)).code).toBe(0);
    },
    SLOW,
  );

  test(
    'has a terminal of the size asked for, and sees it change',
    async () => {
      const process = {
        args: ['sh'],
        env: ['PATH=/bin', 'PS1=# '],
        cwd: '/',
        user: '',
        tty: true,
        size: { rows: 33, columns: 111 },
      };
      const { runtime, stdio } = await fixture.run(fixture.bundle([], { process, openStdin: true }));
      await stdio.write(Buffer.from('stty size; tty\n'));
      expect(await readUntil(stdio, '/dev/pts/0')).toContain('33 111');
      await runtime.resize(fixture.id, { rows: 20, columns: 50 });
      await stdio.write(Buffer.from('stty size; exit 3\n'));
      expect((await collect(stdio.output)).stdout).toContain('20 50');
      expect((await runtime.wait(fixture.id)).code).toBe(3);
    },
    SLOW,
  );

  test(
    'gets signals, and is killed by what it cannot ignore',
    async () => {
      const trap = "trap 'echo caught' USR1; echo ready; while true; do sleep 0.1; done";
      const { runtime, stdio } = await fixture.run(fixture.bundle(['sh', '-c', trap], { init: true }));
      const iterator = stdio.output[Symbol.asyncIterator]();
      expect(Buffer.from((await iterator.next()).value?.data ?? []).toString()).toBe('ready\n');
      await runtime.signal(fixture.id, 10);
      expect(Buffer.from((await iterator.next()).value?.data ?? []).toString()).toBe('caught\n');
      await runtime.signal(fixture.id, 9);
      expect((await runtime.wait(fixture.id)).code).toBe(137);
      await expect(runtime.signal(fixture.id, 9)).rejects.toMatchObject({ code: 'wrong-state' });
    },
    SLOW,
  );
});

describe('beside the workload', () => {
  test(
    'commands run, alone and at once, a stalled one stalling no other; top and stats tell of them',
    async () => {
      const { runtime } = await fixture.run(
        fixture.bundle(['sleep', '100'], { capDrop: ['CHOWN'], resources: { memory: 200 << 20 } }),
      );
      expect(await fixture.exec(['sh', '-c', 'echo out; echo err >&2; exit 5'])).toEqual({
        code: 5,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      expect((await fixture.exec(['id', '-u'], { user: '1234:1' })).stdout).toBe('1234\n');
      expect((await fixture.exec(['pwd'], { cwd: '/not/there' })).code).toBe(126);
      expect(await fixture.exec(['nothing'])).toMatchObject({
        code: 127,
        stderr: expect.stringContaining('not found'),
      });
      expect((await fixture.exec(['sh', '-c', 'tty; echo $$'], { tty: true })).stdout).toMatch(
        /^\/dev\/pts\/0\r\n\d+\r\n$/,
      );
      expect((await fixture.exec(['sh', '-c', 'cat /proc/self/status'])).stdout).toContain(
        'CapEff:\t00000000a80425fa',
      );
      const flood = await runtime.exec(fixture.id, {
        process: { args: ['yes'], env: ['PATH=/bin'], cwd: '/', user: '', tty: false },
        openStdin: false,
        privileged: false,
      });
      const answers = await Promise.all(
        [1, 2, 3].map((number) => fixture.exec(['sh', '-c', `sleep 0.2; echo ${number}`])),
      );
      expect(answers.map((answer) => answer.stdout)).toEqual(['1\n', '2\n', '3\n']);
      const table = await runtime.processes(fixture.id, []);
      expect(table.titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
      expect(table.rows.map((row) => row.at(-1))).toEqual(['sleep 100', 'yes']);
      const stats = await runtime.stats(fixture.id);
      expect(stats.cpuNanoseconds).toBeGreaterThan(100_000_000);
      expect(stats.memoryUsage).toBeGreaterThan(100_000);
      expect(stats.memoryLimit).toBeLessThanOrEqual(200 << 20);
      expect(stats.pids).toBe(2);
      expect(stats.blockRead).toBeGreaterThan(500_000);
      flood.stdio.detach();
      await runtime.signal(fixture.id, 9, { all: true });
      expect((await runtime.wait(fixture.id)).code).toBe(137);
    },
    SLOW,
  );
});

describe('a guest under strain', () => {
  test(
    'more processes than one reply can queue are listed whole, and end nobody’s session',
    async () => {
      const script = `exec 3<&0; i=0; while [ $i -lt 700 ]; do (read x <&3) & i=$((i+1)); done; echo ready; wait # ${'x'.repeat(1800)}`;
      const { runtime, stdio } = await fixture.run(
        fixture.bundle(['sh', '-c', script], { openStdin: true, resources: { memory: 400 << 20 } }),
      );
      await readUntil(stdio, 'ready');
      const beside = await runtime.exec(fixture.id, {
        process: { args: ['cat'], env: ['PATH=/bin'], cwd: '/', user: '', tty: false },
        openStdin: true,
        privileged: false,
      });
      const { rows } = await runtime.processes(fixture.id, []);
      expect(rows.filter((row) => row.join(' ').includes('xxxx'))).toHaveLength(701);
      await beside.stdio.write(Buffer.from('still here\n'));
      await beside.stdio.closeInput();
      expect((await collect(beside.stdio.output)).stdout).toBe('still here\n');
      expect(await beside.exited).toBe(0);
    },
    SLOW,
  );

  test(
    'one that does not answer is killed all the same',
    async () => {
      const { runtime } = await fixture.run(fixture.bundle(['sleep', '100']));
      await runtime.pause(fixture.id);
      const begin = performance.now();
      await runtime.signal(fixture.id, 9);
      expect((await runtime.wait(fixture.id)).code).toBe(137);
      // Less than the workload lives.
      expect(performance.now() - begin).toBeLessThan(50_000);
    },
    SLOW,
  );
});

describe('mounts', () => {
  test(
    'folders and single files of the host are there, read-only ones held so by the host',
    async () => {
      const shared = `${fixture.folder}/shared`;
      mkdirSync(shared, { recursive: true });
      writeFileSync(`${shared}/hello`, 'from the host\n');
      writeFileSync(`${shared}/neighbour`, 'secret\n');
      const mount = (source: string, target: string, readOnly: boolean) => ({
        type: 'bind' as const,
        source,
        target,
        readOnly,
        options: [],
      });
      const mounts = [
        mount(shared, '/data', false),
        mount(shared, '/fixed', true),
        mount(`${shared}/hello`, '/etc/one-file', false),
        { type: 'tmpfs' as const, source: '', target: '/scratchpad', readOnly: false, options: ['size=1m'] },
      ];
      const script = [
        'cat /data/hello /etc/one-file',
        'echo from the guest > /data/reply',
        'touch /fixed/no 2>/dev/null || echo refused',
        'mount -o remount,rw /fixed 2>/dev/null; touch /fixed/no 2>/dev/null || echo refused again',
        'echo changed > /etc/one-file',
        'touch /read-only-root 2>/dev/null || echo root refused',
        'touch /scratchpad/x && echo tmpfs',
      ].join('; ');
      const { stdio, runtime } = await fixture.run(
        fixture.bundle(['sh', '-c', script], { mounts, readOnlyRoot: true, privileged: true }),
      );
      const { stdout } = await collect(stdio.output);
      expect(stdout).toBe('from the host\nfrom the host\nrefused\nrefused again\nroot refused\ntmpfs\n');
      expect((await runtime.wait(fixture.id)).code).toBe(0);
      expect(readFileSync(`${shared}/reply`, 'utf8')).toBe('from the guest\n');
      expect(readFileSync(`${shared}/hello`, 'utf8')).toBe('changed\n');
      expect(existsSync(`${shared}/no`)).toBe(false);
    },
    SLOW,
  );
});

describe('the network', () => {
  test(
    'the guest has the link’s address: ping, TCP and UDP both ways',
    async () => {
      const { network, enterPeer } = await fixture.network();
      const { runtime } = await fixture.run(
        fixture.bundle(['sh', '-c', 'nc -l -p 80 -e cat & udp-echo 53 & sleep 100'], { network }),
      );
      expect((await fixture.exec(['ping', '-c', '1', '-W', '5', '10.77.0.1'])).stdout).toContain(
        '1 packets received',
      );
      const peer = (args: readonly string[], input = '') =>
        fixture.host.exec.run([...enterPeer, ...args], { input, timeout: 10_000 });
      expect((await peer(['busybox', 'ping', '-c', '1', '-W', '5', '10.77.0.2'])).code).toBe(0);
      expect((await peer(['busybox', 'nc', '-w', '3', '10.77.0.2', '80'], 'over tcp\n')).stdout).toBe(
        'over tcp\n',
      );
      const udp = 'exec 3<>/dev/udp/10.77.0.2/53; echo over udp >&3; timeout 5 head -c 9 <&3';
      expect((await peer(['bash', '-c', udp])).stdout).toBe('over udp\n');
      await runtime.delete(fixture.id);
      const left = await fixture.host.exec.must([
        ...fixture.host.namespaces.enterNet(`${fixture.folder}/net-own`),
        'ip',
        '-br',
        'addr',
      ]);
      expect(left).not.toContain('hull-tap');
      expect(left).toContain('10.77.0.2/24');
    },
    SLOW,
  );
});
