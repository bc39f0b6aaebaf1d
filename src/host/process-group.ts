import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface GroupOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds; the group is killed afterwards. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Bytes of output that are kept, from its end. Default 4096. */
  readonly keep?: number;
}

export interface GroupResult {
  /** 0-255; 128+n when killed by signal n. */
  readonly code: number;
  /** Standard output and error as they came, the last `keep` bytes. */
  readonly output: string;
}

/**
 * Runs a command in a session of its own, so that its end by `signal` or `timeout` takes along whatever a shell has started. Resolves when the
 * command itself has ended, even if something that it left behind holds its output open. Never rejects.
 */
export function runGroup(command: readonly string[], options: GroupOptions): Promise<GroupResult> {
  const { promise, resolve } = Promise.withResolvers<GroupResult>();
  const [program = '', ...args] = command;
  const keep = options.keep ?? 4096;
  let output = Buffer.alloc(0);
  const child = spawn(program, args, {
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => killGroup(child.pid);
  const timer = setTimeout(kill, options.timeout);
  const finish = (code: number): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
    child.stdout.destroy();
    child.stderr.destroy();
    resolve({ code, output: output.toString('utf8') });
  };
  const collect = (data: Buffer): void => {
    output = Buffer.concat([output, data]).subarray(-keep);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.on('error', (error) => {
    collect(Buffer.from(error.message));
    finish(127);
  });
  child.on('exit', (code, signal) => {
    const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    // What was written just before the end may still be on its way.
    setTimeout(() => finish(status), 5);
  });
  options.signal?.addEventListener('abort', kill);
  if (options.signal?.aborted === true) kill();
  return promise;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
