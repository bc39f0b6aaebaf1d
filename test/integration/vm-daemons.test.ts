import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { LogRotator } from '../../src/runtime/log-file.ts';
import { encodeFrame, encodeSync, FRAME, WORKLOAD_STREAM } from '../../src/runtime/vm/agent-protocol.ts';
import { connectSocket } from '../../src/runtime/vm/unix-socket.ts';
import { runFiles } from '../../src/runtime/vm/vm-record.ts';
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

test(
  'a daemon that is busy while the workload ends gets all of its output',
  async () => {
    const script = 'echo up; sleep 1; head -c 250000 /dev/zero';
    const { stdio } = await fixture.run(fixture.bundle(['sh', '-c', script]));
    let size = 0;
    for await (const { data } of stdio.output) {
      // Meanwhile the guest fills the socket, and what it sent last is with its driver alone.
      if (size === 0) Bun.sleepSync(6_000);
      size += data.length;
    }
    expect(size).toBe(250_003);
  },
  SLOW,
);

describe('the log', () => {
  test(
    'is rotated at its limit without losing a line, and goes to the new file',
    async () => {
      const path = `${fixture.folder}/run/rotated.log`;
      const rotator = new LogRotator();
      rotator.watch(path);
      const { stdio, runtime } = await fixture.run(
        fixture.bundle(['seq', '1', '4000'], { log: { path, hardLimit: 150_000 } }),
      );
      await collect(stdio.output);
      await runtime.wait(fixture.id);
      await Bun.sleep(50);
      rotator.close();
      const text = ['.2', '.1', ''].map((suffix) =>
        existsSync(path + suffix) ? readFileSync(path + suffix, 'utf8') : '',
      );
      expect(text.every((part) => part.length <= 150_000)).toBe(true);
      expect(text[1]?.length).toBeGreaterThan(100_000);
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
      const { runtime } = await fixture.run(
        fixture.bundle(['sh', '-c', 'sleep 0.7; seq 1 20000; sleep 0.3'], {
          log: { path, hardLimit: 150_000 },
        }),
      );
      runtime.disconnect();
      const bundle = fixture.bundle([]);
      while ((await fixture.newRuntime().adopt(bundle)).state === 'running') await Bun.sleep(500);
      const text = readFileSync(path, 'utf8');
      expect(text.length).toBeLessThanOrEqual(150_000);
      expect(text).toEndWith(' 20000\n');
      expect(text).toMatch(/^(\S+ stdout [FP] \d*\n)+$/);
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
      const { stdio } = await fixture.run(bundle);
      await readUntil(stdio, 'one');
      const second = fixture.newRuntime();
      const adopted = await second.adopt(bundle);
      expect(adopted).toMatchObject({ state: 'running' });
      expect((await fixture.exec(['echo', 'hello'])).stdout).toBe('hello\n');
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
      const { runtime, stdio: first } = await fixture.run(bundle);
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
      expect((await fixture.exec(['echo', 'fine'])).stdout).toBe('fine\n');
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
      const { runtime } = await fixture.run(fixture.bundle(['sleep', '100'], { mounts }));
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
