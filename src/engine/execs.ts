import { randomBytes } from 'node:crypto';
import { HullError } from '../model/errors.ts';
import type { InstanceConfig, ProcessSpec, TerminalSize } from '../model/instance.ts';
import type { ExecSession, Runtime, Stdio } from '../runtime/runtime.ts';
import type { ExecRequest, Execs, ExecState } from './api.ts';
import type { EventBus } from './events.ts';
import { admitOrThrow } from './instances/admission.ts';
import { execText, instanceAttributes } from './instances/attributes.ts';
import type { Registry } from './instances/registry.ts';
import { endingWith } from './exec-stdio.ts';

/** Ended execs that can still be inspected, over all instances. */
const ENDED_KEPT = 4096;

interface Exec {
  readonly id: string;
  readonly instanceId: string;
  readonly process: ProcessSpec;
  readonly request: ExecRequest;
  session: ExecSession | null;
  /** Set while it is being started, so that it starts once. */
  started: boolean;
  exitCode: number | null;
}

/** Commands that run beside the workload. They live in memory: those of an earlier daemon are gone. */
export class ExecRegistry implements Execs {
  readonly #registry: Registry;
  readonly #runtimeOf: (config: InstanceConfig) => Runtime;
  readonly #events: EventBus;
  readonly #execs = new Map<string, Exec>();

  constructor(registry: Registry, runtimeOf: (config: InstanceConfig) => Runtime, events: EventBus) {
    this.#registry = registry;
    this.#runtimeOf = runtimeOf;
    this.#events = events;
  }

  async create(nameOrId: string, request: ExecRequest): Promise<string> {
    const record = this.#registry.get(nameOrId);
    admitOrThrow('exec', record);
    if (request.args.length === 0) throw new HullError('invalid-argument', 'No exec command specified');
    const id = randomBytes(32).toString('hex');
    const process: ProcessSpec = {
      args: request.args,
      env: execEnvironment(record.config.process.env, request),
      cwd: request.workingDir ?? record.config.process.cwd,
      user: request.user ?? record.config.process.user,
      tty: request.tty,
    };
    this.#forgetOldest();
    this.#execs.set(id, {
      id,
      instanceId: record.config.id,
      process,
      request,
      session: null,
      started: false,
      exitCode: null,
    });
    this.#event(record.config.id, `exec_create: ${execText(request.args)}`, id);
    return Promise.resolve(id);
  }

  async start(
    execId: string,
    options: { detach: boolean; tty?: boolean; size?: TerminalSize },
  ): Promise<Stdio | null> {
    const { exec, config } = this.#startable(execId);
    exec.started = true;
    const process = options.size === undefined ? exec.process : { ...exec.process, size: options.size };
    const openStdin = exec.request.attach.stdin && !options.detach;
    try {
      exec.session = await this.#runtimeOf(config).exec(config.id, {
        process,
        openStdin,
        privileged: exec.request.privileged,
      });
    } catch (error) {
      exec.exitCode = exitCodeOf(error);
      throw error;
    }
    this.#event(config.id, `exec_start: ${execText(exec.request.args)}`, execId);
    void exec.session.exited.then((code) => {
      exec.exitCode = code;
      this.#event(exec.instanceId, 'exec_die', execId, { exitCode: String(code) });
    });
    if (!options.detach) return endingWith(exec.session.stdio, exec.session.exited);
    exec.session.stdio.detach();
    // Nobody listens who would read it in the stream.
    const { refusal } = exec.session;
    if (refusal !== undefined) throw new HullError('start-failed', refusal);
    return null;
  }

  admitStart(execId: string): void {
    this.#startable(execId);
  }

  inspect(execId: string): ExecState {
    const { id, instanceId, process, request, session, started, exitCode } = this.#get(execId);
    return {
      id,
      instanceId,
      process,
      request,
      running: started && exitCode === null,
      exitCode,
      pid: session?.pid ?? 0,
    };
  }

  idsOf(instanceId: string): readonly string[] {
    return [...this.#execs.values()]
      .filter((exec) => exec.instanceId === instanceId && exec.exitCode === null)
      .map((exec) => exec.id);
  }

  async resize(execId: string, size: TerminalSize): Promise<void> {
    const { session } = this.#get(execId);
    if (session === null) throw new HullError('wrong-state', `exec session ${execId} is not running`);
    await session.resize(size);
  }

  #startable(execId: string): { exec: Exec; config: InstanceConfig } {
    const exec = this.#get(execId);
    if (exec.started) throw alreadyStarted(exec);
    const record = this.#registry.get(exec.instanceId);
    admitOrThrow('exec', record);
    return { exec, config: record.config };
  }

  #get(execId: string): Exec {
    const exec = this.#execs.get(execId);
    if (exec !== undefined) return exec;
    throw new HullError('exec-not-found', `No such exec instance: ${execId}`);
  }

  #forgetOldest(): void {
    if (this.#execs.size < ENDED_KEPT) return;
    for (const exec of this.#execs.values()) {
      if (this.#execs.size < ENDED_KEPT) return;
      const state = this.#registry.byId(exec.instanceId)?.status.state;
      const lives = state === 'running' || state === 'paused' || state === 'stopping';
      if (exec.exitCode !== null || !lives) this.#execs.delete(exec.id);
    }
  }

  #event(
    instanceId: string,
    action: string,
    execID: string,
    more: Readonly<Record<string, string>> = {},
  ): void {
    const record = this.#registry.byId(instanceId);
    if (record !== null)
      this.#events.publish('container', action, instanceId, {
        ...instanceAttributes(record),
        execID,
        ...more,
      });
  }
}

function alreadyStarted({ id, exitCode }: Exec): HullError {
  const what = exitCode === null ? 'is already running' : 'has already run';
  return new HullError('wrong-state', `Error: Exec command ${id} ${what}`);
}

function execEnvironment(workload: readonly string[], request: ExecRequest): string[] {
  const merged = new Map<string, string>();
  const terminal = request.tty ? ['TERM=xterm'] : [];
  for (const entry of [...workload, ...terminal, ...request.env])
    merged.set(entry.split('=', 1)[0] ?? entry, entry);
  return [...merged.values()].filter((entry) => entry.includes('='));
}

function exitCodeOf(error: unknown): number {
  const code = error instanceof HullError ? error.details['exitCode'] : undefined;
  return typeof code === 'number' ? code : 126;
}
