import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds until it is killed. */
  readonly timeout?: number;
}

/** Runs a program to its end; its output as text. The status of a killed one is -1. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const running = new Running(command, options);
  running.send(options.input ?? '');
  running.endInput();
  return running.finished;
}

/** A program that runs, to talk to while it does. */
export class Running {
  readonly #child: ChildProcess;
  readonly #output: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  readonly finished: Promise<Finished>;

  constructor([program = '', ...args]: readonly string[], options: RunOptions = {}) {
    this.#child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    // One that ends without having read its input is no error of the test's.
    this.#child.stdin?.on('error', () => undefined);
    for (const name of ['stdout', 'stderr'] as const) {
      const decoder = new TextDecoder();
      this.#child[name]?.on('data', (data: Buffer) => {
        this.#output[name] += decoder.decode(data, { stream: true });
      });
    }
    this.finished = once(this.#child, 'close').then(([code]) => ({
      code: typeof code === 'number' ? code : -1,
      ...this.#output,
    }));
  }

  /** What it has printed so far. */
  get output(): { readonly stdout: string; readonly stderr: string } {
    return this.#output;
  }

  send(input: string | Uint8Array): void {
    this.#child.stdin?.write(input);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Waits until what it printed matches. Fails after `within` milliseconds. */
  async said(pattern: RegExp, within = 20_000): Promise<string> {
    const deadline = Date.now() + within;
    for (;;) {
      const text = this.#output.stdout + this.#output.stderr;
      if (pattern.test(text)) return text;
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        // What was written just before the end may not have been read yet.
        await Bun.sleep(50);
        const rest = this.#output.stdout + this.#output.stderr;
        if (pattern.test(rest)) return rest;
        throw new Error(`it did not say ${String(pattern)}, but: ${rest.slice(-2000)}`);
      }
      await Bun.sleep(10);
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}
