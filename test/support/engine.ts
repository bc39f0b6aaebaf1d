import { existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../../src/host/index.ts';
import { STANDSTILL, stoodStill } from './standstill.ts';
import { PATIENCE } from './until.ts';
import type { RunResult } from '../../src/host/host.ts';
import { TreeRemover } from '../../src/host/tree-removal.ts';

const ROOT = join(import.meta.dir, '../..');
export const HULL = process.env['HULL_TEST_BINARY'] ?? join(ROOT, 'dist/hull');
const KERNELS = join(ROOT, 'dist/kernels');
const READY_WITHIN = 20_000 * PATIENCE;
const WATCHED = { HULL_WATCH_LOOP: String(STANDSTILL) };

/** Why VMs cannot be tested here; null when they can. */
export const NO_VMS = existsSync(join(KERNELS, 'boot')) ? null : 'no guest kernel was set up';

export interface TestEngineOptions {
  readonly data?: string;
  readonly run?: string;
  readonly watched?: boolean;
  readonly faults?: boolean;
}

/**
 * A real engine of its own, beside others: the built executable as daemon, and the command line and docker's client against it.
 * `data`: a folder that stays, for images that take long to make; `run`: another's run folder, to be refused; `watched`: `destroy` fails where
 * the daemon's event loop stood still (`stoodStill`); `faults`: its calls of the host fail as the file `faultPlan` says.
 */
export class TestEngine {
  readonly folder = mkdtempSync(join(tmpdir(), 'hull-e-'));
  readonly socket: string;
  readonly host = createHost();
  readonly data: string;
  readonly run: string;
  readonly #watched: boolean;
  readonly #faults: boolean;
  #daemon = 0;

  constructor({ data, run, watched = false, faults = false }: TestEngineOptions = {}) {
    this.#watched = watched;
    this.#faults = faults;
    this.data = data ?? join(this.folder, 'data');
    this.run = run ?? join(this.folder, 'run');
    this.socket = join(run === undefined ? this.run : this.folder, 'hull.sock');
  }

  /** The daemon's. */
  get pid(): number {
    return this.#daemon;
  }

  get url(): string {
    return `unix://${this.socket}`;
  }

  get faultPlan(): string {
    return join(this.folder, 'faults');
  }

  get logPath(): string {
    return join(this.folder, 'daemon.log');
  }

  /** Starts the daemon, with more flags than its places if need be, and waits until it answers. */
  async start(flags: readonly string[] = []): Promise<void> {
    mkdirSync(this.data, { recursive: true });
    const log = openSync(this.logPath, 'a');
    const child = this.host.exec.spawn(
      [HULL, 'daemon', '--data', this.data, '--run', this.run, '--socket', this.socket, ...flags],
      { stdout: log, stderr: log, detached: true, env: this.#environmentOfDaemon() },
    );
    closeSync(log);
    this.#daemon = child.pid;
    const deadline = Date.now() + READY_WITHIN;
    while ((await this.hull(['version'])).code !== 0) {
      if (Date.now() > deadline || !this.host.processes.alive(child.pid)) {
        throw new Error(
          `the daemon did not become ready:\n${readFileSync(this.logPath, 'utf8').slice(-2000)}`,
        );
      }
      await Bun.sleep(20);
    }
  }

  /** kill -9: nothing is tidied up. */
  async crash(): Promise<void> {
    this.host.processes.kill(this.#daemon, 9);
    await this.host.processes.gone(this.#daemon);
  }

  async restart(): Promise<void> {
    await this.crash();
    await this.start();
  }

  hull(args: readonly string[], input?: string | Uint8Array, timeout = 120_000): Promise<RunResult> {
    return this.#run([HULL, ...args], input, timeout * PATIENCE);
  }

  docker(args: readonly string[], input?: string | Uint8Array): Promise<RunResult> {
    return this.#run(['docker', ...args], input, 120_000);
  }

  /** As `hull`, but fails unless the status is 0. Returns what was printed, trimmed. */
  async must(args: readonly string[], input?: string): Promise<string> {
    return printed(`hull ${args.join(' ')}`, await this.hull(args, input));
  }

  /** The same by docker's client. */
  async mustDocker(...args: readonly string[]): Promise<string> {
    return printed(`docker ${args.join(' ')}`, await this.docker(args));
  }

  /** Starts a command and leaves it running: what it says is of no interest. */
  launch(args: readonly string[]): { readonly exited: Promise<number>; kill(): void } {
    const child = this.host.exec.spawn([HULL, ...args], { env: this.#environment() });
    return { exited: child.exited, kill: () => child.kill('SIGKILL') };
  }

  async inspect(name: string): Promise<Record<string, unknown> & { State: Record<string, unknown> }> {
    const [first] = JSON.parse(await this.must(['inspect', name])) as [
      Record<string, unknown> & { State: Record<string, unknown> },
    ];
    return first;
  }

  /** What `hull check` finds: nothing, in a healthy engine. */
  async findings(): Promise<string> {
    const result = await this.hull(['check']);
    return result.code === 0 ? '' : result.stdout + result.stderr;
  }

  /** Milliseconds of CPU time of each turn over `STANDSTILL`, by the log of a watched daemon. */
  standstills(): number[] {
    const log = existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : '';
    return [...log.matchAll(/the event loop stood still: (\d+)/g)].map(([, milliseconds]) =>
      Number(milliseconds),
    );
  }

  /** Removes every instance, gives the host back, ends the daemon, deletes the folder. */
  async destroy(): Promise<void> {
    try {
      // The test runner ends the processes of a test that took too long, the daemon among them: what ran goes on running.
      if (!this.host.processes.alive(this.#daemon)) await this.start();
      const ids = (await this.must(['ps', '-aq'])).split('\n').filter((id) => id !== '');
      if (ids.length > 0) await this.hull(['rm', '-f', '-v', ...ids]);
      await this.hull(['shutdown', '--stop']);
      await this.host.processes.gone(this.#daemon, AbortSignal.timeout(20_000)).catch(() => this.crash());
      const stood = this.standstills();
      if (stoodStill(stood))
        throw new Error(`the event loop stood still: ${stood.join(', ')} ms of CPU time`);
    } finally {
      // Not by paths: a test may have made a tree that is too deep for them.
      new TreeRemover().empty(this.folder);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  #run(
    command: readonly string[],
    input: string | Uint8Array | undefined,
    timeout: number,
  ): Promise<RunResult> {
    return this.host.exec.run(command, {
      timeout,
      env: this.#environment(),
      ...(input === undefined ? {} : { input }),
    });
  }

  #environmentOfDaemon(): Record<string, string> {
    return {
      ...{ PATH: process.env['PATH'] ?? '', HOME: '/root', LANG: 'C.UTF-8' },
      ...(this.#watched ? WATCHED : {}),
      ...(this.#faults ? { HULL_FAULTS: this.faultPlan } : {}),
    };
  }

  #environment(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      LANG: 'C.UTF-8',
      HULL_HOST: this.url,
      DOCKER_HOST: this.url,
    };
  }
}

function printed(command: string, { code, stdout, stderr }: RunResult): string {
  if (code !== 0) throw new Error(`${command}: status ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}
