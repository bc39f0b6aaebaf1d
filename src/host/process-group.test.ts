import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LinuxProcesses } from './processes.ts';
import { runGroup } from './process-group.ts';

const PATH = { PATH: '/usr/bin:/bin' };
const processes = new LinuxProcesses();

async function untilGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && processes.alive(pid); tries++) await sleep(10);
  return !processes.alive(pid);
}

describe('runGroup', () => {
  test('status and output of both streams, the last bytes of it', async () => {
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
    const result = await runGroup(command, { env: PATH, timeout: 5000 });
    expect(result.code).toBe(3);
    expect(result.output.split('\n').toSorted()).toEqual(['', 'err', 'out']);
    const long = await runGroup(['sh', '-c', 'printf 0123456789'], { env: PATH, timeout: 5000, keep: 4 });
    expect(long).toEqual({ code: 0, output: '6789' });
  });
  test('a program that is not there', async () => {
    const { code, output } = await runGroup(['/no/such'], { env: PATH, timeout: 5000 });
    expect(code).toBe(127);
    expect(output).toContain('ENOENT');
  });
  test('the environment is complete: nothing is inherited', async () => {
    const { output } = await runGroup(['/usr/bin/env'], { env: { ONLY: 'this' }, timeout: 5000 });
    expect(output).toBe('ONLY=this\n');
  });
  test.each(['timeout', 'signal'])('%s ends what a shell has started too', async (how) => {
    const folder = mkdtempSync(join(tmpdir(), 'group-'));
    const stop = new AbortController();
    const script = `sleep 100 & echo $! > ${folder}/pid; wait`;
    const running = runGroup(['sh', '-c', script], {
      env: PATH,
      timeout: how === 'timeout' ? 200 : 60_000,
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(), 200);
    expect((await running).code).toBe(137);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(pid).toBeGreaterThan(1);
    expect(await untilGone(pid)).toBe(true);
    rmSync(folder, { recursive: true });
  });
  test('a child that holds the output open does not hold the answer up', async () => {
    const began = performance.now();
    const { output } = await runGroup(['sh', '-c', 'sleep 100 & echo $!'], { env: PATH, timeout: 60_000 });
    expect(performance.now() - began).toBeLessThan(25_000);
    process.kill(Number(output), 'SIGKILL');
  });
});
