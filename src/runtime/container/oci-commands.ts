import { closeSync, constants, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import { type OciRuntime, OciRuntimeError } from './conmon.ts';

/** What is asked of the OCI runtime after `create`: as few processes as each runtime allows. */
export class OciCommands {
  readonly #host: Host;
  readonly runtime: OciRuntime;

  constructor(host: Host, runtime: OciRuntime) {
    this.#host = host;
    this.runtime = runtime;
  }

  /** Lets a created container run. Rejects with an `OciRuntimeError`. */
  async start(id: string): Promise<void> {
    if (this.runtime.kind === 'crun' && releaseExecFifo(`${this.runtime.root}/${id}/exec.fifo`)) return;
    try {
      await this.#must('start', id);
    } catch (error) {
      throw new OciRuntimeError(messageOf(error), { cause: error });
    }
  }

  /** Was it created and not started? crun and runc keep a FIFO until the start; runsc is asked. */
  async waitsForStart(id: string): Promise<boolean> {
    if (this.runtime.kind !== 'runsc') return existsSync(`${this.runtime.root}/${id}/exec.fifo`);
    return await this.#hasStatus(id, 'created');
  }

  /** Does the runtime say that it is paused? Only gVisor pauses by itself. */
  async isPaused(id: string): Promise<boolean> {
    return this.runtime.kind === 'runsc' && (await this.#hasStatus(id, 'paused'));
  }

  async signal(id: string, signal: number, all: boolean): Promise<void> {
    await this.#must('kill', ...(all ? ['--all'] : []), id, String(signal));
  }

  /** For a runtime whose processes the control group's freezer would surprise: only gVisor's. */
  async pause(id: string): Promise<void> {
    await this.#must('pause', id);
  }

  async resume(id: string): Promise<void> {
    await this.#must('resume', id);
  }

  /** A listing of the processes that the host cannot see; null where ps(1) of the host sees them. */
  async innerProcesses(id: string): Promise<string | null> {
    return this.runtime.kind === 'runsc' ? await this.#host.exec.must([...this.#command('ps'), id]) : null;
  }

  /** Kills what runs and forgets the container. Fine when it is unknown. */
  async delete(id: string): Promise<void> {
    if (!existsSync(`${this.runtime.root}/${id}`) && this.runtime.kind !== 'runsc') return;
    // crun's state is a folder of its own: nothing else of it is left once the cgroup is empty.
    if (this.runtime.kind === 'crun') return await this.#host.files.removeTree(`${this.runtime.root}/${id}`);
    // runsc panics when a paused sandbox is deleted.
    if (await this.isPaused(id)) await this.resume(id);
    const { code, stderr } = await this.#host.exec.run([...this.#command('delete'), '--force', id]);
    if (code !== 0 && !/does not exist|not exist/.test(stderr))
      throw new HullError('command-failed', `${this.runtime.kind} delete: ${stderr.trim()}`);
  }

  async #hasStatus(id: string, status: string): Promise<boolean> {
    const { stdout } = await this.#host.exec.run([...this.#command('state'), id]);
    return new RegExp(`"status":\\s*"${status}"`).test(stdout);
  }

  async #must(command: string, ...rest: string[]): Promise<void> {
    await this.#host.exec.must([...this.#command(command), ...rest]);
  }

  #command(command: string): string[] {
    return [this.runtime.program, ...this.runtime.arguments, command];
  }
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
