import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Bundle, Stdio } from '../../src/runtime/runtime.ts';
import { encodeFrame, encodeSync, FRAME, WORKLOAD_STREAM } from '../../src/runtime/vm/agent-protocol.ts';
import { connectSocket } from '../../src/runtime/vm/unix-socket.ts';
import { runFiles } from '../../src/runtime/vm/vm-record.ts';
import type { VmRuntime } from '../../src/runtime/vm/vm-runtime.ts';
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

/** Creates, attaches, starts. */
async function run(bundle: Bundle): Promise<{ runtime: VmRuntime; stdio: Stdio }> {
  const { runtime } = fixture;
  await runtime.create(bundle);
  const stdio = await runtime.attach(bundle.id);
  await runtime.start(bundle.id);
  return { runtime, stdio };
}

/** Runs a command in the running VM, to its end. */
async function exec(
  args: readonly string[],
  options: { user?: string; tty?: boolean; cwd?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const process = {
    args,
    env: ['PATH=/bin'],
    cwd: options.cwd ?? '/',
    user: options.user ?? '',
    tty: options.tty ?? false,
  };
  const session = await fixture.runtime.exec(fixture.id, { process, openStdin: false, privileged: false });
  const output = await collect(session.stdio.output);
  return { code: await session.exited, ...output };
}

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
      const { runtime, stdio } = await run(fixture.bundle([], { process }));
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
      const { runtime, stdio } = await run(
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
      const { runtime, stdio } = await run(fixture.bundle([], { process, openStdin: true }));
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
      const { runtime, stdio } = await run(fixture.bundle(['sh', '-c', trap], { init: true }));
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
      const { runtime } = await run(
        fixture.bundle(['sleep', '100'], { capDrop: ['CHOWN'], resources: { memory: 200 << 20 } }),
      );
      expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 5'])).toEqual({
        code: 5,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      expect((await exec(['id', '-u'], { user: '1234:1' })).stdout).toBe('1234\n');
      expect((await exec(['pwd'], { cwd: '/not/there' })).code).toBe(126);
      expect(await exec(['nothing'])).toMatchObject({
        code: 127,
        stderr: expect.stringContaining('not found'),
      });
      expect((await exec(['sh', '-c', 'tty; echo $$'], { tty: true })).stdout).toMatch(
        /^\/dev\/pts\/0\r\n\d+\r\n$/,
      );
      expect((await exec(['sh', '-c', 'cat /proc/self/status'])).stdout).toContain(
        'CapEff:\t00000000a80425fa',
      );
      const flood = await runtime.exec(fixture.id, {
        process: { args: ['yes'], env: ['PATH=/bin'], cwd: '/', user: '', tty: false },
        openStdin: false,
        privileged: false,
      });
      const answers = await Promise.all(
        [1, 2, 3].map((number) => exec(['sh', '-c', `sleep 0.2; echo ${number}`])),
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
      const { runtime, stdio } = await run(
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
      const { runtime } = await run(fixture.bundle(['sleep', '100']));
      await runtime.pause(fixture.id);
      const begin = performance.now();
      await runtime.signal(fixture.id, 9);
      expect((await runtime.wait(fixture.id)).code).toBe(137);
      expect(performance.now() - begin).toBeLessThan(15_000);
    },
    SLOW,
  );
});

describe('the log', () => {
  test(
    'is rotated at its limit without losing a line, and goes to the new file',
    async () => {
      const path = `${fixture.folder}/run/rotated.log`;
      const { stdio, runtime } = await run(
        fixture.bundle(['seq', '1', '4000'], { log: { path, hardLimit: 150_000 } }),
      );
      await collect(stdio.output);
      await runtime.wait(fixture.id);
      const text = ['.2', '.1', ''].map((suffix) =>
        existsSync(path + suffix) ? readFileSync(path + suffix, 'utf8') : '',
      );
      expect(text.every((part) => part.length <= 150_000)).toBe(true);
      expect(text[1]?.length).toBeGreaterThan(50_000);
      const printed = text.join('').replaceAll(/^\S+ \S+ (?:F (.*\n)|P (.*)\n)/gm, '$1$2');
      const lines = printed.trimEnd().split('\n').map(Number);
      expect(lines).toEqual(Array.from({ length: 4000 }, (_, index) => index + 1));
    },
    SLOW,
  );

  test(
    'stays within its limit when nobody rotates it',
    async () => {
      const path = `${fixture.folder}/run/bounded.log`;
      const { runtime } = await run(
        fixture.bundle(['sh', '-c', 'sleep 0.7; seq 1 20000; sleep 0.3'], {
          log: { path, hardLimit: 150_000 },
        }),
      );
      runtime.disconnect();
      const bundle = fixture.bundle([]);
      while ((await fixture.newRuntime().adopt(bundle)).state === 'running') await Bun.sleep(500);
      expect(statSync(path).size).toBeLessThanOrEqual(150_000);
      expect(statSync(path).size).toBeGreaterThan(100_000);
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
      const { stdio, runtime } = await run(
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
      const { runtime } = await run(
        fixture.bundle(['sh', '-c', 'nc -l -p 80 -e cat & udp-echo 53 & sleep 100'], { network }),
      );
      expect((await exec(['ping', '-c', '1', '-W', '5', '10.77.0.1'])).stdout).toContain(
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

describe('across daemons', () => {
  test(
    'a VM goes on without its daemon, and the next one takes over output, exec and exit code',
    async () => {
      const bundle = fixture.bundle(['sh', '-c', 'echo one; read line; echo two $line; exit 4'], {
        openStdin: true,
      });
      const { stdio } = await run(bundle);
      await readUntil(stdio, 'one');
      const second = fixture.newRuntime();
      const adopted = await second.adopt(bundle);
      expect(adopted).toMatchObject({ state: 'running' });
      expect((await exec(['echo', 'hello'])).stdout).toBe('hello\n');
      const again = await second.attach(bundle.id);
      await again.write(Buffer.from('more\n'));
      expect((await collect(again.output)).stdout).toBe('two more\n');
      expect((await second.wait(bundle.id)).code).toBe(4);
      const third = fixture.newRuntime();
      expect(await third.adopt(bundle)).toEqual({ state: 'exited' });
      expect((await third.wait(bundle.id)).code).toBe(4);
    },
    SLOW,
  );

  test(
    'a daemon that dies in the middle of a frame, or while an exec runs, confuses nobody',
    async () => {
      const bundle = fixture.bundle(['sh', '-c', 'echo up; cat'], { openStdin: true });
      const { runtime, stdio: first } = await run(bundle);
      await readUntil(first, 'up');
      const spec = { args: ['sleep', '50'], env: ['PATH=/bin'], cwd: '/', user: '', tty: true };
      await runtime.exec(fixture.id, { process: spec, openStdin: true, privileged: false });
      runtime.disconnect();
      for (const keep of [3, 17, 1000]) {
        const socket = await connectSocket(runFiles.agent(bundle.runDir), 5000);
        const sync = encodeSync(randomBytes(8));
        const frame = encodeFrame(sync.session, FRAME.stdin, WORKLOAD_STREAM, Buffer.alloc(5000, 'z'));
        socket.write(Buffer.concat([sync.bytes, frame.subarray(0, keep)]));
        await new Promise((resolve) => socket.once('data', resolve));
        socket.destroy();
      }
      const next = fixture.newRuntime();
      expect(await next.adopt(bundle)).toMatchObject({ state: 'running' });
      const stdio = await next.attach(bundle.id);
      await stdio.write(Buffer.from('whole\n'));
      expect(await readUntil(stdio, 'whole')).toBe('whole\n');
      expect((await exec(['echo', 'fine'])).stdout).toBe('fine\n');
      const { rows } = await next.processes(fixture.id, ['-o', 'pid,args']);
      expect(rows.map((row) => row[1])).not.toContain('sleep 50');
    },
    SLOW,
  );

  test(
    'nothing is left after delete, and a second delete is fine',
    async () => {
      const source = `${fixture.folder}/shared`;
      mkdirSync(source, { recursive: true });
      const mounts = [{ type: 'bind' as const, source, target: '/data', readOnly: true, options: [] }];
      const { runtime } = await run(fixture.bundle(['sleep', '100'], { mounts }));
      const processes = await runtime.hostProcesses(fixture.id);
      expect(processes.workload).toHaveLength(1);
      expect(processes.helpers.length).toBeGreaterThanOrEqual(1);
      expect(new Set((await runtime.inventory()).map((found) => found.owner))).toEqual(new Set([fixture.id]));
      await runtime.delete(fixture.id);
      await runtime.delete(fixture.id);
      expect(await runtime.inventory()).toEqual([]);
      expect(
        [...processes.workload, ...processes.helpers].filter((pid) => fixture.host.processes.alive(pid)),
      ).toEqual([]);
      expect(existsSync(`${fixture.folder}/run/${fixture.id}/s0`)).toBe(false);
      expect(
        fixture.host.mounts.list().filter((mount) => mount.target.startsWith(`${fixture.folder}/run`)),
      ).toEqual([]);
    },
    SLOW,
  );
});
