import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs a command to its end and returns what it printed. Throws when it fails. */
export function must(
  command: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string } = {},
): string {
  const [program = '', ...args] = command;
  const run = spawnSync(program, args, {
    env: process.env,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...options,
  });
  if (run.status !== 0) {
    const reason = run.error?.message ?? `${run.stderr ?? ''}${run.stdout ?? ''}`.trim();
    throw new Error(`"${command.join(' ')}" failed: ${reason}`);
  }
  return run.stdout;
}

/** Runs a command and returns whether it succeeded. */
export function succeeds(command: readonly string[]): boolean {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Starts a long-running program, its output in a file. */
export function start(
  command: readonly string[],
  log: string,
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const [program = '', ...args] = command;
  const file = openSync(log, 'w');
  return spawn(program, args, { env, stdio: ['ignore', file, file] });
}

/** Asks a program to end and waits; kills it after `patience` milliseconds. */
export async function end(child: ChildProcess, patience = 20_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  await ended;
  clearTimeout(timer);
}

/** Waits until `ready` is true. Throws after `patience` milliseconds. */
export async function until(what: string, ready: () => boolean, patience = 30_000): Promise<void> {
  const deadline = performance.now() + patience;
  while (!ready()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${patience / 1000} seconds`);
    await sleep(50);
  }
}
