import { closeSync, constants, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import { type OciContainer, type OciProgram, type OciRuntime, OciRuntimeError } from './oci-runtime.ts';

/** What crun and runc have in common: the host's kernel sees every process, and its control groups stop them. */
abstract class NativeRuntime implements OciRuntime {
  abstract readonly name: 'crun' | 'runc';
  abstract readonly executable: string;
  abstract readonly keepsCompiledFilter: boolean;
  abstract readonly setsFirstTerminalSize: boolean;
  readonly recursiveReadOnly = true;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly root: string;
  protected readonly host: Host;

  constructor(host: Host, { program, arguments: words, root }: OciProgram) {
    this.host = host;
    this.program = program;
    this.arguments = words;
    this.root = root;
  }

  abstract prepare(): void;
  abstract delete(id: string): Promise<void>;

  async start(id: string): Promise<void> {
    try {
      await this.host.exec.must([this.program, ...this.arguments, 'start', id]);
    } catch (error) {
      throw new OciRuntimeError(messageOf(error), { cause: error });
    }
  }

  /** Both keep a FIFO until the start. */
  async waitsForStart(id: string): Promise<boolean> {
    return existsSync(this.execFifo(id));
  }

  async signal(container: OciContainer, signal: number, all: boolean): Promise<boolean> {
    const { pid, pidStartTime, cgroup } = container;
    const { processes } = this.host;
    const pids = all ? cgroup.pids() : [pid];
    return processes.same(pid, pidStartTime) && pids.filter((one) => processes.kill(one, signal)).length > 0;
  }

  /** By the control group's freezer: what their own command does, without a process. */
  async pause({ cgroup }: OciContainer): Promise<void> {
    await cgroup.freeze();
  }

  async resume({ cgroup }: OciContainer): Promise<void> {
    cgroup.thaw();
  }

  async isPaused({ cgroup }: OciContainer): Promise<boolean> {
    return cgroup.frozen();
  }

  async innerProcesses(): Promise<null> {
    return null;
  }

  async beforeKill(): Promise<void> {}

  protected execFifo(id: string): string {
    return `${this.root}/${id}/exec.fifo`;
  }
}

export class Crun extends NativeRuntime {
  readonly name = 'crun';
  readonly keepsCompiledFilter = true;
  readonly setsFirstTerminalSize = true;
  readonly #cgroups: Pick<Cgroups, 'keepFitForCrun'>;

  constructor(host: Host, program: OciProgram, cgroups: Pick<Cgroups, 'keepFitForCrun'>) {
    super(host, program);
    this.#cgroups = cgroups;
  }

  get executable(): string {
    return this.host.exec.sealed(this.program);
  }

  prepare(): void {
    this.#cgroups.keepFitForCrun();
  }

  override async start(id: string): Promise<void> {
    if (!releaseExecFifo(this.execFifo(id))) await super.start(id);
  }

  /** Its state is a folder of its own: nothing else of it is left once the control group is empty. */
  async delete(id: string): Promise<void> {
    const state = `${this.root}/${id}`;
    if (existsSync(state)) await this.host.files.removeTree(state);
  }
}

export class Runc extends NativeRuntime {
  readonly name = 'runc';
  readonly keepsCompiledFilter = false;
  readonly setsFirstTerminalSize = false;

  get executable(): string {
    return this.program;
  }

  prepare(): void {}

  async delete(id: string): Promise<void> {
    if (existsSync(`${this.root}/${id}`)) await deleteByForce(this.host, this, id);
  }
}

/** The runtime's own `delete --force`. */
export async function deleteByForce(host: Host, runtime: OciRuntime, id: string): Promise<void> {
  const command = [runtime.program, ...runtime.arguments, 'delete', '--force', id];
  const { code, stderr } = await host.exec.run(command);
  if (code !== 0 && !/does not exist|not exist/.test(stderr))
    throw new HullError('command-failed', `${runtime.name} delete: ${stderr.trim()}`);
}

/**
 * What `crun start` does, without a process: the container's init waits for a byte on this FIFO, whose absence means "started" (crun, status.c).
 * False when there is no such FIFO or nobody reads it: then crun is asked, and says why.
 */
function releaseExecFifo(path: string): boolean {
  let fifo: number;
  try {
    fifo = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    unlinkSync(path);
    writeSync(fifo, new Uint8Array(1));
    return true;
  } finally {
    closeSync(fifo);
  }
}
