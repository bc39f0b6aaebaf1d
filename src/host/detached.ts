import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';

/** A process that goes on after this one. */
export interface DetachedProcess {
  /** Its exit status, should it end while this process still lives. */
  readonly exited: Promise<number>;
  /** The end of its log. */
  logTail(): string;
}

const TAIL = 4096;

/** Starts a program in a session of its own, its output added to a log file (its folder is made). Throws the spawn's or file system's error. */
export function spawnDetached(command: readonly string[], logPath: string): DetachedProcess {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  const log = openSync(logPath, 'a+', 0o600);
  const before = fstatSync(log).size;
  const [program = '', ...args] = command;
  // Loaded here: no other command needs it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  child.unref();
  const exited = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('exit', (code) => resolve(code ?? 128));
  });
  return { exited, logTail: () => tail(logPath, before) };
}

function tail(path: string, from: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(from, size - TAIL);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}
