import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface CommandResult {
  /** Null when it was killed, by its time limit or otherwise. */
  readonly status: number | null;
  readonly timedOut: boolean;
  readonly output: string;
}

export interface CommandOptions {
  readonly log: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until the command and everything in its process group are killed. */
  readonly timeout: number;
}

/** Runs a command without standard input, its output in a log file. Resolves whatever it comes to. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  mkdirSync(dirname(options.log), { recursive: true });
  const log = openSync(options.log, 'w');
  try {
    const { status, timedOut } = await runInto(log, command, options);
    return { status, timedOut, output: readFileSync(options.log, 'utf8') };
  } finally {
    closeSync(log);
  }
}

async function runInto(log: number, command: readonly string[], options: CommandOptions) {
  const [program = '', ...args] = command;
  // The output goes to the file itself, not through a pipe that a process left behind would hold open. A process group of its own, so
  // that a test runner that hangs is killed together with what it started.
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', log, log],
    detached: true,
  });
  const kill = () => killGroup(child.pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeout);
  process.once('exit', kill);
  const status = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      writeSync(log, `${program}: ${error.message}\n`);
      resolve(127);
    });
    child.once('exit', resolve);
  });
  clearTimeout(timer);
  process.removeListener('exit', kill);
  return { status, timedOut };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
