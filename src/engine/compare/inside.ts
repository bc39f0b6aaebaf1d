import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import { withTimeout } from '../../lib/rollback.ts';
import { HullError } from '../../model/errors.ts';
import type { Stdio } from '../../runtime/runtime.ts';
import type { Execs } from '../api.ts';

/** A place where the measuring program runs: the host, or an instance. */
export interface Place {
  /** Where a file for disk tests may be made. */
  readonly scratch: string;
  /** Runs the program; resolves to its last line of output. `onLine` sees each as it comes. Rejects with what the program said. */
  measure(args: readonly string[], onLine?: (line: string) => void): Promise<string>;
}

/** Where instances find the program: bound there for the measuring alone. */
export const PROGRAM_INSIDE = '/.hull/measure';
const DISK_FILE_INSIDE = '/.hull/disk';
/** Milliseconds for one measurement; the emulated ones are slow. */
export const MEASURE_TIMEOUT = 60_000;

/** On the host itself. */
export function hostPlace(
  host: Pick<Host, 'exec'>,
  program: string,
  scratch: string,
  signal?: AbortSignal,
): Place {
  return {
    scratch,
    measure: async (args, onLine) => {
      signal?.throwIfAborted();
      const child = host.exec.spawn([program, ...args], { stdout: 'pipe', stderr: 'pipe' });
      const kill = (): void => child.kill('SIGKILL');
      const timer = setTimeout(kill, MEASURE_TIMEOUT);
      signal?.addEventListener('abort', kill);
      try {
        const lines = new LineReader((line) => onLine?.(line));
        let said = '';
        child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(text));
        child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
        const ended = child.stdout === null ? [] : [once(child.stdout, 'close')];
        const [code] = await Promise.all([child.exited, ...ended]);
        signal?.throwIfAborted();
        if (code !== 0 || lines.last === '') throw refused(code, said);
        return lines.last;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', kill);
      }
    },
  };
}

/** In an instance that has an agent or a runtime to run commands with. As root: the image's user may write nowhere. */
export function instancePlace(execs: Execs, instanceId: string, signal?: AbortSignal): Place {
  return {
    scratch: DISK_FILE_INSIDE,
    measure: async (args, onLine) => {
      const execId = await execs.create(instanceId, {
        args: [PROGRAM_INSIDE, ...args],
        env: [],
        workingDir: '/',
        user: '0:0',
        tty: false,
        privileged: false,
        attach: { stdin: false, stdout: true, stderr: true },
      });
      const stdio = await execs.start(execId, { detach: false });
      if (stdio === null)
        throw new HullError('internal', 'the measuring program was started without its output');
      const leave = (): void => stdio.detach();
      signal?.addEventListener('abort', leave);
      try {
        const output = await withTimeout(
          read(stdio, onLine),
          MEASURE_TIMEOUT,
          `hull-measure ${args[0] ?? ''}`,
        );
        signal?.throwIfAborted();
        const code = await exitCode(execs, execId);
        if (code !== 0 || output.last === '') throw refused(code, output.said);
        return output.last;
      } finally {
        signal?.removeEventListener('abort', leave);
        stdio.detach();
      }
    },
  };
}

export function refused(code: number, said: string): Error {
  const words = said.trim().slice(-500) || 'it printed nothing';
  return new HullError('command-failed', `the measuring program ended with status ${code}: ${words}`);
}

/** Lines of standard output; everything else is what it said. */
async function read(stdio: Stdio, onLine?: (line: string) => void): Promise<{ last: string; said: string }> {
  const decoder = new TextDecoder();
  const lines = new LineReader((line) => onLine?.(line));
  let said = '';
  for await (const { stream, data } of stdio.output) {
    if (stream === 'stdout') lines.push(decoder.decode(data, { stream: true }));
    else said += new TextDecoder().decode(data);
  }
  return { last: lines.last, said };
}

/** Cuts text that comes in pieces into lines. */
export class LineReader {
  last = '';
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.last = line;
      this.#onLine(line);
    }
  }
}

/** The status is known a moment after the output has ended. */
async function exitCode(execs: Execs, execId: string): Promise<number> {
  for (const deadline = Date.now() + 5000; Date.now() < deadline; await sleep(5)) {
    const { running, exitCode: code } = execs.inspect(execId);
    if (!running && code !== null) return code;
  }
  throw new HullError('internal', 'the exit status of the measuring program is unknown');
}
