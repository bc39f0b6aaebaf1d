import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { ExitStatus, TerminalSize } from '../../model/instance.ts';
import type { Bundle, ExecSession, ExecSpec, ProcessTable, RunFact, Started, Stdio } from '../runtime.ts';
import { AgentClient, AgentRefusal } from './agent-client.ts';
import { execInGuest } from './agent-exec.ts';
import { BootPatience } from './boot-patience.ts';
import { capabilityMask, clockPayload, configuration } from './guest-configuration.ts';
import { processFields } from './agent-fields.ts';
import { FRAME, WORKLOAD_STREAM } from './agent-protocol.ts';
import { lastWords } from './launch.ts';
import { parseGuestFacts } from './guest-facts.ts';
import { GuestFiles } from './guest-files.ts';
import { parseProcesses, processTable } from './guest-processes.ts';
import { isAlive } from './process-handle.ts';
import { VmMonitor } from './monitor.ts';
import type { Share } from './shares.ts';
import type { GuestFacts, Vm } from './vm.ts';
import { endOf, PANIC_WORDS, type VmCondition } from './vm-condition.ts';
import { recordedExit } from './recorder.ts';
import { runFiles, type VmRecord, writeRecord } from './vm-record.ts';
import { WorkloadHub } from './workload-hub.ts';

/** `BootPatience` gives a boot up that does not get on; this is the end of one that does so for ever. */
const BOOT_DEADLINE = 3_600_000;
const CONNECT_DEADLINE = 5_000;
const RECONNECT_PAUSE = 200;
/** How long a guest may take to answer that it kills its workload: one that hangs never does. */
const KILL_GRACE = 5_000;
/** Milliseconds that a guest may be behind when its clock has been set, and how often that is tried on a busy host. */
const CLOCK_TOLERANCE = 500;
const CLOCK_ATTEMPTS = 5;

/** A VM that runs an image: the connections to its agent and monitor, and its end. */
export class AgentVm implements Vm {
  bundle: Bundle;
  paused = false;
  readonly hub: WorkloadHub;
  readonly #host: Host;
  #record: VmRecord;
  #agent: AgentClient | null = null;
  readonly monitor: VmMonitor;
  #killed = false;
  #connecting: Promise<AgentClient> | null = null;
  readonly #exit = Promise.withResolvers<ExitStatus>();
  #exitStatus: ExitStatus | null = null;
  #closed = false;
  /** Signals that came while it was paused. */
  readonly #held: { readonly signal: number; readonly all: boolean }[] = [];

  /** `onFact`: what happens to the run that nobody asked for. */
  constructor(host: Host, bundle: Bundle, record: VmRecord, onFact: (fact: RunFact) => void) {
    this.#host = host;
    this.bundle = bundle;
    this.#record = record;
    this.monitor = new VmMonitor({
      path: runFiles.monitor(bundle.runDir),
      alive: () => this.alive,
      onChange: (now, before) => this.#changed(now, before, onFact),
    });
    this.hub = new WorkloadHub(bundle);
    void this.#watch();
  }

  get record(): VmRecord {
    return this.#record;
  }

  get alive(): boolean {
    return isAlive(this.#host, this.#record.qemu);
  }

  /** Started and not known to have ended. */
  get running(): boolean {
    return this.#record.started !== null && this.#exitStatus === null && this.alive;
  }

  get exited(): Promise<ExitStatus> {
    return this.#exit.promise;
  }

  /** Waits for the boot and configures the guest. What QEMU and the kernel said is in the error when it fails. */
  async configure(shares: readonly Share[]): Promise<void> {
    const patience = new BootPatience(this.bundle.runDir, this.#record);
    try {
      const agent = await this.#connect(BOOT_DEADLINE, () => patience.verdict !== null);
      const payload = configuration(this.bundle, shares);
      await patience.during(agent.request(FRAME.configure, payload, BOOT_DEADLINE));
    } catch (error) {
      const reason = patience.verdict ?? messageOf(error);
      throw new HullError(
        'start-failed',
        `the VM did not come up: ${reason}. ${lastWords(this.bundle.runDir)}`.trim(),
        { cause: error },
      );
    }
  }

  async start(): Promise<Started> {
    const agent = await this.agent();
    const attached = this.hub.attached;
    const { process, openStdin, init } = this.bundle;
    const payload = processFields(process, {
      openStdin,
      init,
      attached,
      capabilities: capabilityMask(this.bundle),
      instance: this.bundle.options,
    });
    try {
      await agent.start(payload);
    } catch (error) {
      throw error instanceof AgentRefusal ? refused(error) : error;
    }
    this.hub.started(attached);
    const { pid, startTime } = this.#record.qemu;
    const started = { pid, pidStartTime: startTime, startedAt: Date.now() };
    this.#record = { ...this.#record, started };
    writeRecord(this.bundle.runDir, this.#record);
    return started;
  }

  /** Takes over a VM that an earlier daemon started. One that runs but does not answer is retried in the background. */
  async adopt(): Promise<'created' | 'running' | 'exited'> {
    const agent = await this.#connectOrLater();
    const state = agent === null ? 'running' : (await agent.hello).state;
    if (state === 'running') this.hub.started(false);
    if (state === 'running' && agent !== null) await this.#setClock();
    return state === 'running' || state === 'exited' ? state : 'created';
  }

  /** Null for one that runs and does not answer, or is paused: then it goes on trying. */
  async #connectOrLater(): Promise<AgentClient | null> {
    if (!this.paused) {
      const agent = await this.#connect(CONNECT_DEADLINE).catch((error: unknown) => {
        if (this.running) return null;
        throw error;
      });
      if (agent !== null) return agent;
    }
    void this.#lost();
    return null;
  }

  /** The connection to the agent, made again when it broke. Rejects `wrong-state` while it is paused. */
  async agent(): Promise<AgentClient> {
    if (this.paused) throw new HullError('wrong-state', `instance ${this.bundle.name} is paused`);
    if (this.#agent !== null) return this.#agent;
    if (!this.alive) throw new HullError('wrong-state', 'the VM does not run');
    return await this.#connect(CONNECT_DEADLINE);
  }

  attach(givesInput: boolean): Stdio {
    return this.hub.attach(givesInput);
  }

  /** SIGKILL is final: the guest does it, so that its end is on record; one that does not answer is ended from outside. */
  async signal(signal: number, all: boolean): Promise<void> {
    const { SIGKILL } = constants.signals;
    if (this.paused && signal !== SIGKILL) return void this.#held.push({ signal, all });
    if (signal !== SIGKILL) return await this.#forward(signal, all);
    if (this.paused) await this.#goOn();
    const late = new AbortController();
    const asked = this.#forward(SIGKILL, all).then(
      () => true,
      (error: unknown) => {
        if (error instanceof HullError && error.code === 'wrong-state') throw error;
        return false;
      },
    );
    const patience = sleep(KILL_GRACE, false, { signal: late.signal }).catch(() => false);
    const answered = await Promise.race([asked, patience]).finally(() => late.abort());
    if (answered || !this.alive) return;
    this.#killed = true;
    this.#host.processes.kill(this.#record.qemu.pid, SIGKILL);
  }

  async setPaused(paused: boolean): Promise<void> {
    const goesOn = this.paused && !paused;
    this.paused = paused;
    this.monitor.hold(paused);
    if (!goesOn) return;
    await this.#setClock();
    for (const { signal, all } of this.#held.splice(0)) await this.#forward(signal, all);
  }

  /** For its end: what its kernel has not written to its disks would be lost with it. */
  async #goOn(): Promise<void> {
    await this.monitor.execute('cont');
    this.#held.length = 0;
    this.paused = false;
  }

  async #forward(signal: number, all: boolean): Promise<void> {
    const agent = await this.agent();
    try {
      await agent.signal(WORKLOAD_STREAM, signal, all);
    } catch (error) {
      if (!(error instanceof AgentRefusal)) throw error;
      throw new HullError('wrong-state', `the workload cannot be signalled: ${error.message}`, {
        cause: error,
      });
    }
  }

  async exec(spec: ExecSpec): Promise<ExecSession> {
    return await execInGuest(await this.agent(), this.bundle, spec);
  }

  async resize(size: TerminalSize): Promise<void> {
    const agent = await this.agent();
    await agent.workload.resize(size);
  }

  async files(): Promise<GuestFiles> {
    return new GuestFiles(await this.agent());
  }

  async guestFacts(): Promise<GuestFacts | null> {
    if (this.paused) return null;
    const agent = await this.agent();
    return parseGuestFacts(await agent.request(FRAME.stats));
  }

  async processes(psArgs: readonly string[]): Promise<ProcessTable> {
    const agent = await this.agent();
    const processes = parseProcesses(await agent.request(FRAME.processes));
    const bootedAt = (this.#record.started?.startedAt ?? Date.now()) / 1000;
    return processTable(processes, psArgs, { memory: this.#record.memoryBytes, bootedAt });
  }

  close(): void {
    this.#closed = true;
    this.#agent?.close();
    this.monitor.close();
    this.hub.end();
  }

  /**
   * A guest's clock stands still while its CPUs do. A time that took long to arrive is set again; a guest that does not answer keeps its time.
   */
  async #setClock(): Promise<void> {
    const agent = await this.agent().catch(() => null);
    if (agent === null) return;
    for (let attempt = 0; attempt < CLOCK_ATTEMPTS; attempt++) {
      const sent = performance.now();
      const set = agent.request(FRAME.clock, clockPayload(Date.now()), CONNECT_DEADLINE);
      const isSet = await set.then(
        () => true,
        () => false,
      );
      if (!isSet || performance.now() - sent < CLOCK_TOLERANCE) return;
    }
  }

  #changed(now: VmCondition, before: VmCondition, onFact: (fact: RunFact) => void): void {
    if (before.stalled && !now.stalled && !this.paused) void this.#setClock();
    if (now.trouble !== before.trouble) onFact({ kind: 'trouble', text: now.trouble });
  }

  #connect(deadline: number, giveUp: () => boolean = () => false): Promise<AgentClient> {
    this.#connecting ??= this.#connectNow(deadline, giveUp).finally(() => (this.#connecting = null));
    return this.#connecting;
  }

  async #connectNow(deadline: number, giveUp: () => boolean): Promise<AgentClient> {
    const path = runFiles.agent(this.bundle.runDir);
    const agent = await AgentClient.connect(path, deadline, () => !this.alive || giveUp());
    this.#agent = agent;
    this.hub.bind(agent);
    void agent.workload.exited.then((status) =>
      status === null ? undefined : this.#saidGoodbye(agent, status),
    );
    void agent.closed.then(() => this.#lost());
    return agent;
  }

  /** All its output has come: until it is told so, the guest waits with its end. */
  async #saidGoodbye(agent: AgentClient, status: number): Promise<void> {
    agent.request(FRAME.shutdown).catch(() => undefined);
    await this.#ended(status);
  }

  /** A broken connection to a live guest (it broke the protocol, or restarted its side) is made again for as long as the VM runs. */
  async #lost(): Promise<void> {
    this.#agent = null;
    while (!this.#closed && this.running) {
      await sleep(RECONNECT_PAUSE);
      if (
        await this.#connect(CONNECT_DEADLINE).then(
          () => true,
          () => false,
        )
      )
        return;
    }
  }

  async #watch(): Promise<void> {
    if (this.alive) await this.#host.processes.gone(this.#record.qemu.pid);
    await this.#ended(null);
  }

  /** `code`: as the agent says it; null when QEMU has gone. The exit is on record a moment after the agent says so, and before the recorder ends. */
  async #ended(code: number | null): Promise<void> {
    const { runDir } = this.bundle;
    const record = await recordedExit(this.#host, runDir, this.#record.recorder);
    const said = code === null ? null : { code, oomKilled: false, finishedAt: Date.now() };
    const facts = {
      layout: 'layered',
      record: record ?? said,
      killed: this.#killed,
      now: Date.now(),
    } as const;
    const condition = await this.monitor.lastCondition(record === null);
    if (this.#exitStatus !== null) return;
    this.#exitStatus = endOf({ ...facts, condition, lastWords: lastWords(runDir, PANIC_WORDS) });
    this.#exit.resolve(this.#exitStatus);
    this.monitor.close();
    void this.hub.finish();
  }
}

/** Docker's words, and the status that `docker run` ends with. */
function refused(refusal: AgentRefusal): HullError {
  return new HullError('start-failed', `failed to create the instance's process: ${refusal.message}`, {
    cause: refusal,
    details: { exitCode: refusal.exitStatus > 0 ? refusal.exitStatus : 126 },
  });
}
