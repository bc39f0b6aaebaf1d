import type { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import type { ExitStatus } from '../../model/instance.ts';
import type { Bundle, ExecSession, ProcessTable, RunFact, Started, Stdio } from '../runtime.ts';
import { readTail } from './bounded-read.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { printable } from './printable.ts';
import { endProcess, isAlive } from './process-handle.ts';
import { lastWords } from './launch.ts';
import { VmMonitor } from './monitor.ts';
import { recorderDone } from './recorder.ts';
import { connectSocket } from './unix-socket.ts';
import type { Vm } from './vm.ts';
import { endOf, PANIC_WORDS } from './vm-condition.ts';
import { runFiles, type VmRecord, writeRecord } from './vm-record.ts';

const CONNECT_DEADLINE = 5_000;
/** Bytes of console output that an attached client may lag behind; then it loses some, the machine does not wait for it. */
const CLIENT_LAG = 1 << 20;

/**
 * A whole operating system: its console is its log, its power button is its signal. There is no agent inside, so nothing can be run in it from
 * outside. It is created paused and runs from `start` on.
 */
export class MachineVm implements Vm {
  bundle: Bundle;
  paused = false;
  readonly #host: Host;
  #record: VmRecord;
  readonly monitor: VmMonitor;
  #console: Promise<Socket> | null = null;
  #killed = false;
  #exitStatus: ExitStatus | null = null;
  readonly #clients = new Set<ChunkQueue>();
  readonly #exit = Promise.withResolvers<ExitStatus>();

  /** `onFact`: what happens to the run that nobody asked for. */
  constructor(host: Host, bundle: Bundle, record: VmRecord, onFact: (fact: RunFact) => void) {
    this.#host = host;
    this.bundle = bundle;
    this.#record = record;
    this.monitor = new VmMonitor({
      path: runFiles.monitor(bundle.runDir),
      alive: () => this.alive,
      onChange: (now, before) => {
        if (now.trouble !== before.trouble) onFact({ kind: 'trouble', text: now.trouble });
      },
    });
    void this.#watch();
  }

  get record(): VmRecord {
    return this.#record;
  }

  get alive(): boolean {
    return isAlive(this.#host, this.#record.qemu);
  }

  get running(): boolean {
    return this.#record.started !== null && this.#exitStatus === null && this.alive;
  }

  get exited(): Promise<ExitStatus> {
    return this.#exit.promise;
  }

  async start(): Promise<Started> {
    // Who attached before sees every byte.
    await this.#console?.catch(() => undefined);
    await this.monitor.execute('cont');
    const { pid, startTime } = this.#record.qemu;
    const started = { pid, pidStartTime: startTime, startedAt: Date.now() };
    this.#record = { ...this.#record, started };
    writeRecord(this.bundle.runDir, this.#record);
    return started;
  }

  adopt(): Promise<'created' | 'running' | 'exited'> {
    return Promise.resolve(this.#record.started === null ? 'created' : 'running');
  }

  attach(givesInput: boolean): Stdio {
    const queue = new ChunkQueue();
    this.#clients.add(queue);
    if (this.#exitStatus !== null) queue.end();
    else this.#connectConsole().catch(() => undefined);
    return {
      output: queue,
      write: (data) => (givesInput && this.bundle.openStdin ? this.#type(data) : Promise.resolve()),
      closeInput: () => Promise.resolve(),
      detach: () => {
        this.#clients.delete(queue);
        queue.drop();
        if (this.#clients.size === 0) this.#hangUp();
      },
    };
  }

  /** Any terminating signal but SIGKILL presses the power button: the operating system decides what comes of it. */
  async signal(signal: number): Promise<void> {
    const { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPWR, SIGKILL } = constants.signals;
    if (!this.running) throw new HullError('wrong-state', 'the machine does not run');
    if (signal === SIGKILL) {
      this.#killed = true;
      await endProcess(this.#host, this.#record.qemu);
      return;
    }
    // systemd images stop at SIGRTMIN+3.
    if (![SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPWR, 37].includes(signal)) {
      throw new HullError(
        'not-supported',
        `a machine has no agent to hand signal ${signal} on; it can be stopped (power button) or killed`,
      );
    }
    await this.monitor.execute('system_powerdown');
  }

  exec(): Promise<ExecSession> {
    return Promise.reject(
      new HullError(
        'not-supported',
        'a machine has no agent to run commands with; attach to its console, or log in over its network',
      ),
    );
  }

  /** A serial console has no size. */
  resize(): Promise<void> {
    return Promise.resolve();
  }

  files(): Promise<never> {
    return Promise.reject(
      new HullError(
        'not-supported',
        `the machine ${this.bundle.name} has no agent that could reach its files; copy over the network`,
      ),
    );
  }

  guestFacts(): Promise<null> {
    return Promise.resolve(null);
  }

  processes(): Promise<ProcessTable> {
    return Promise.reject(
      new HullError('not-supported', 'a machine has no agent to list processes with; log in to it'),
    );
  }

  setPaused(paused: boolean): Promise<void> {
    this.paused = paused;
    this.monitor.hold(paused);
    return Promise.resolve();
  }

  close(): void {
    this.monitor.close();
    this.#hangUp();
    for (const queue of this.#clients) queue.end();
  }

  async #type(data: Uint8Array): Promise<void> {
    const socket = await this.#connectConsole();
    socket.write(data);
  }

  /** While somebody is attached: QEMU waits for a client that does not read, so this one always does. */
  #connectConsole(): Promise<Socket> {
    if (this.#console !== null) return this.#console;
    const opening = this.#openConsole();
    this.#console = opening;
    const over = (): void => {
      if (this.#console !== opening) return;
      this.#console = null;
      for (const queue of this.#clients) queue.end();
    };
    opening.then((socket) => socket.once('close', over), over);
    return opening;
  }

  async #openConsole(): Promise<Socket> {
    const path = runFiles.consoleSocket(this.bundle.runDir);
    const socket = await connectSocket(path, CONNECT_DEADLINE, () => !this.alive);
    socket.on('data', (data: Buffer) => this.#share(data));
    socket.on('error', () => socket.destroy());
    return socket;
  }

  #hangUp(): void {
    const console = this.#console;
    this.#console = null;
    console?.then((socket) => socket.destroy()).catch(() => undefined);
  }

  /** Of its console, which is its log, and of QEMU. */
  #lastWords(): string {
    try {
      return `${lastWords(this.bundle.runDir)} ${printable(readTail(this.bundle.log.path, PANIC_WORDS))}`;
    } catch {
      return lastWords(this.bundle.runDir);
    }
  }

  #share(data: Uint8Array): void {
    for (const queue of this.#clients) if (queue.held < CLIENT_LAG) queue.push({ stream: 'stdout', data });
  }

  async #watch(): Promise<void> {
    if (this.alive) await this.#host.processes.gone(this.#record.qemu.pid);
    await recorderDone(this.#host, this.#record.recorder);
    this.#exitStatus = endOf({
      ...{ layout: 'machine', record: null, killed: this.#killed, now: Date.now() },
      condition: await this.monitor.lastCondition(true),
      lastWords: this.#lastWords(),
    });
    this.monitor.close();
    this.#exit.resolve(this.#exitStatus);
    // What a connection still holds comes before its end.
    if (this.#console === null) for (const queue of this.#clients) queue.end();
  }
}
