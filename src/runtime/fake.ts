import { appendFileSync } from 'node:fs';
import { HullError } from '../model/errors.ts';
import type { ExitStatus, ProcessSpec, TerminalSize } from '../model/instance.ts';
import type { Availability, Isolation } from '../model/isolation.ts';
import type { Resources } from '../model/resources.ts';
import { FAKE_PROGRAMS, type FakeProgram } from './fake-programs.ts';
import { formatLog } from './log-line.ts';
import type {
  AdoptedRun,
  Bundle,
  ExecSession,
  ExecSpec,
  HostProcesses,
  OutputChunk,
  Pausable,
  ProcessTable,
  Runtime,
  RuntimeStats,
  Started,
  Stdio,
  Updatable,
} from './runtime.ts';
import type { Leftover } from '../model/leftover.ts';

/** Pieces held between a process and its reader, as a pipe would. */
const BUFFER = { highWaterMark: 64 } as const;

/** What would be the host's: it outlives the runtime object, as containers outlive the daemon. */
export class FakeWorld {
  readonly runs = new Map<string, FakeRun>();
  #lastPid = 1000;

  nextPid(): number {
    return ++this.#lastPid;
  }

  run(id: string): FakeRun {
    const run = this.runs.get(id);
    if (run === undefined)
      throw new HullError('wrong-state', `Instance ${id.slice(0, 12)} does not exist in this runtime.`);
    return run;
  }
}

/** A process that is a TypeScript function: stdin, output to all that are attached, signals, exit status. */
class FakeTask {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly #exit = Promise.withResolvers<number>();
  readonly #stdin = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, BUFFER);
  readonly #stdinWriter = this.#stdin.writable.getWriter();
  readonly #outputs = new Set<WritableStreamDefaultWriter<OutputChunk>>();
  readonly #spec: ProcessSpec;
  readonly #log: (chunk: OutputChunk) => void;
  handler: ((signal: number) => void) | null = null;
  size: TerminalSize | undefined;
  #over = false;
  /** Not null while paused. */
  #held: PromiseWithResolvers<void> | null = null;

  constructor(pid: number, spec: ProcessSpec, openStdin: boolean, log: (chunk: OutputChunk) => void) {
    this.pid = pid;
    this.#spec = spec;
    this.#log = log;
    this.size = spec.size;
    this.exited = this.#exit.promise;
    if (!openStdin) void this.closeInput();
  }

  get running(): boolean {
    return !this.#over;
  }

  launch(program: FakeProgram, hostname: string): void {
    const task = program({
      spec: this.#spec,
      hostname,
      stdin: this.#stdin.readable,
      print: (text, stream) => this.#print(text, stream ?? 'stdout'),
      onSignal: (handler) => (this.handler = handler),
      size: () => this.size,
    });
    task.then(
      (code) => this.end(code),
      () => this.end(134),
    );
  }

  get paused(): boolean {
    return this.#held !== null;
  }

  /** What comes meanwhile is held: signals, and what the program prints. */
  pause(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  signal(signal: number): void {
    if (this.#held !== null) void this.#held.promise.then(() => this.signal(signal));
    else if (signal === 9 || this.handler === null) this.end(128 + signal);
    else this.handler(signal);
  }

  end(code: number): void {
    if (this.#over) return;
    this.#over = true;
    for (const output of this.#outputs) output.close().catch(() => undefined);
    this.#exit.resolve(code);
  }

  async #print(text: string | Uint8Array, stream: 'stdout' | 'stderr'): Promise<void> {
    await this.#held?.promise;
    if (this.#over) return;
    const data = typeof text === 'string' ? Buffer.from(text) : text;
    const chunk: OutputChunk = { stream: this.#spec.tty ? 'stdout' : stream, data };
    this.#log(chunk);
    await Promise.all([...this.#outputs].map((output) => output.write(chunk).catch(() => undefined)));
  }

  async closeInput(): Promise<void> {
    await this.#stdinWriter.close().catch(() => undefined);
  }

  attach(closeOnDetach: boolean): Stdio {
    const pipe = new TransformStream<OutputChunk, OutputChunk>(undefined, undefined, BUFFER);
    const writer = pipe.writable.getWriter();
    if (this.#over) writer.close().catch(() => undefined);
    else this.#outputs.add(writer);
    return {
      output: pipe.readable,
      write: (data) => this.#stdinWriter.write(data).catch(() => undefined),
      closeInput: () => this.closeInput(),
      detach: () => {
        this.#outputs.delete(writer);
        writer.close().catch(() => undefined);
        if (closeOnDetach) void this.closeInput();
      },
    };
  }
}

interface FakeRun {
  bundle: Bundle;
  readonly task: FakeTask;
  readonly program: FakeProgram;
  started: Started | null;
  exit: ExitStatus | null;
  readonly ended: Promise<ExitStatus>;
}

export interface FakeRuntimeOptions {
  readonly isolation?: Isolation;
  readonly world?: FakeWorld;
  /** Added to the built-in programs, by `args[0]`. */
  readonly programs?: Readonly<Record<string, FakeProgram>>;
  readonly availability?: Availability;
}

/** A runtime in memory, for the engine's tests: programs are functions, nothing touches the host but the log file. */
export class FakeRuntime implements Runtime, Pausable, Updatable {
  readonly isolation: Isolation;
  readonly world: FakeWorld;
  readonly #programs: Readonly<Record<string, FakeProgram>>;
  readonly #availability: Availability;

  constructor(options: FakeRuntimeOptions = {}) {
    this.isolation = options.isolation ?? 'container';
    this.world = options.world ?? new FakeWorld();
    this.#programs = { ...FAKE_PROGRAMS, ...options.programs };
    this.#availability = options.availability ?? { available: true, detail: 'in memory', warnings: [] };
  }

  async probe(): Promise<Availability> {
    return this.#availability;
  }

  async create(bundle: Bundle): Promise<void> {
    if (this.world.runs.has(bundle.id)) {
      throw new HullError(
        'wrong-state',
        `Instance ${bundle.id.slice(0, 12)} exists already in this runtime.`,
      );
    }
    const program = this.#find(bundle.process);
    const task = new FakeTask(this.world.nextPid(), bundle.process, bundle.openStdin, (chunk) => {
      appendFileSync(bundle.log.path, formatLog(chunk.stream, chunk.data, Date.now()));
    });
    const ended = task.exited.then((code) => (run.exit = { code, oomKilled: false, finishedAt: Date.now() }));
    const run: FakeRun = { bundle, task, program, started: null, exit: null, ended };
    this.world.runs.set(bundle.id, run);
  }

  async start(id: string): Promise<Started> {
    const run = this.world.run(id);
    if (run.started !== null)
      throw new HullError('wrong-state', `Instance ${id.slice(0, 12)} was started already.`);
    run.started = { pid: run.task.pid, pidStartTime: 1, startedAt: Date.now() };
    run.task.launch(run.program, run.bundle.hostname);
    return run.started;
  }

  async signal(id: string, signal: number): Promise<void> {
    this.#running(id).task.signal(signal);
  }

  async wait(id: string): Promise<ExitStatus> {
    return await this.world.run(id).ended;
  }

  async attach(id: string, options: { readonly stdin?: boolean } = {}): Promise<Stdio> {
    const run = this.world.run(id);
    return run.task.attach(run.bundle.stdinOnce && options.stdin !== false);
  }

  async exec(id: string, spec: ExecSpec): Promise<ExecSession> {
    const run = this.#running(id);
    const task = new FakeTask(this.world.nextPid(), spec.process, spec.openStdin, () => undefined);
    const stdio = task.attach(true);
    task.launch(this.#programs[spec.process.args[0] ?? ''] ?? (async () => 127), run.bundle.hostname);
    void run.task.exited.then(() => task.end(137));
    return { stdio, pid: task.pid, exited: task.exited, resize: async (size) => void (task.size = size) };
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    this.world.run(id).task.size = size;
  }

  async stats(id: string): Promise<RuntimeStats> {
    const run = this.#running(id);
    const cpu = (Date.now() - (run.started?.startedAt ?? 0) + 1) * 1000;
    return {
      readAt: Date.now(),
      cpuNanoseconds: cpu,
      cpuKernelNanoseconds: 0,
      cpuUserNanoseconds: cpu,
      memoryUsage: 1 << 20,
      memoryInactiveFile: 0,
      memoryLimit: run.bundle.resources.memory ?? 1 << 30,
      pids: 1,
      pidsLimit: run.bundle.resources.pidsLimit ?? 0,
      blockRead: 0,
      blockWrite: 0,
    };
  }

  async processes(id: string): Promise<ProcessTable> {
    const { task, bundle } = this.#running(id);
    return {
      titles: ['PID', 'USER', 'TIME', 'COMMAND'],
      rows: [[String(task.pid), 'root', '0:00', bundle.process.args.join(' ')]],
    };
  }

  async pause(id: string): Promise<void> {
    this.#running(id).task.pause();
  }

  async resume(id: string): Promise<void> {
    this.#running(id).task.resume();
  }

  async update(id: string, resources: Resources): Promise<void> {
    const run = this.#running(id);
    run.bundle = { ...run.bundle, resources };
  }

  async delete(id: string): Promise<void> {
    this.world.runs.get(id)?.task.end(137);
    this.world.runs.delete(id);
  }

  async adopt(bundle: Bundle): Promise<AdoptedRun> {
    const run = this.world.runs.get(bundle.id);
    if (run === undefined) return { state: 'gone' };
    if (!run.task.running) return { state: 'exited' };
    if (run.started === null) return { state: 'created' };
    const running = { state: 'running', started: run.started } as const;
    return run.task.paused ? { ...running, paused: true } : running;
  }

  async hostProcesses(id: string): Promise<HostProcesses> {
    const run = this.world.runs.get(id);
    return { workload: run?.task.running === true ? [run.task.pid] : [], helpers: [] };
  }

  async inventory(): Promise<readonly Leftover[]> {
    return [...this.world.runs.values()].map(({ task, bundle }) => ({
      kind: 'process' as const,
      what: String(task.pid),
      owner: bundle.id,
      remove: () => this.delete(bundle.id),
    }));
  }

  #find(spec: ProcessSpec): FakeProgram {
    const name = spec.args[0] ?? '';
    const program = this.#programs[name];
    if (program !== undefined) return program;
    throw new HullError('start-failed', `exec: "${name}": executable file not found in $PATH`, {
      details: { exitCode: 127 },
    });
  }

  #running(id: string): FakeRun {
    const run = this.world.run(id);
    if (run.started === null || !run.task.running)
      throw new HullError('wrong-state', `Instance ${id.slice(0, 12)} is not running.`);
    return run;
  }
}
