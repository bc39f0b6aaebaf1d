import type { Host } from '../../host/host.ts';
import { messageOf } from '../../model/errors.ts';
import { deleteByForce } from './native-runtimes.ts';
import { type OciContainer, type OciProgram, type OciRuntime, OciRuntimeError } from './oci-runtime.ts';

/** gVisor: its own kernel knows the processes, and is asked by its command. */
export class Runsc implements OciRuntime {
  readonly name = 'runsc';
  readonly keepsCompiledFilter = false;
  readonly setsFirstTerminalSize = false;
  readonly recursiveReadOnly = false;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly root: string;
  readonly #host: Host;
  /** Signals that came while a sandbox was paused, which takes none; by its id. */
  readonly #held = new Map<string, (() => Promise<unknown>)[]>();

  constructor(host: Host, { program, arguments: words, root }: OciProgram) {
    this.#host = host;
    this.program = program;
    this.arguments = words;
    this.root = root;
  }

  get executable(): string {
    return this.program;
  }

  prepare(): void {}

  async start(id: string): Promise<void> {
    try {
      await this.#must('start', id);
    } catch (error) {
      throw new OciRuntimeError(messageOf(error), { cause: error });
    }
  }

  async waitsForStart(id: string): Promise<boolean> {
    return await this.#hasStatus(id, 'created');
  }

  async signal({ id }: OciContainer, signal: number, all: boolean): Promise<boolean> {
    const deliver = (): Promise<string> => this.#must('kill', ...(all ? ['--all'] : []), id, String(signal));
    const held = this.#held.get(id);
    if (held === undefined) await deliver();
    else held.push(deliver);
    return true;
  }

  /** The control group's freezer would surprise its processes. */
  async pause({ id }: OciContainer): Promise<void> {
    if (this.#held.has(id)) return;
    await this.#must('pause', id);
    this.#held.set(id, []);
  }

  async resume({ id }: OciContainer): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    await this.#must('resume', id);
    this.#held.delete(id);
    for (const deliver of held) await deliver();
  }

  async isPaused({ id }: OciContainer): Promise<boolean> {
    if (!this.#held.has(id) && (await this.#hasStatus(id, 'paused'))) this.#held.set(id, []);
    return this.#held.has(id);
  }

  async innerProcesses(id: string): Promise<string> {
    return await this.#must('ps', id);
  }

  /** Its processes know of each other: killed by hand, they would be reported as a crash. */
  async beforeKill(id: string): Promise<void> {
    await this.delete(id);
  }

  async delete(id: string): Promise<void> {
    this.#held.delete(id);
    // It panics when a paused sandbox is deleted.
    if (await this.#hasStatus(id, 'paused')) await this.#must('resume', id);
    await deleteByForce(this.#host, this, id);
  }

  async #hasStatus(id: string, status: string): Promise<boolean> {
    const { stdout } = await this.#host.exec.run([this.program, ...this.arguments, 'state', id]);
    return /"status":\s*"(\w+)"/.exec(stdout)?.[1] === status;
  }

  async #must(command: string, ...rest: string[]): Promise<string> {
    return await this.#host.exec.must([this.program, ...this.arguments, command, ...rest]);
  }
}
