import type { Cgroup } from '../../host/cgroup.ts';

/** Where an OCI runtime is, and where it keeps its state. */
export interface OciProgram {
  /** Absolute. */
  readonly program: string;
  /** Global arguments, before the sub-command: `--root`, … */
  readonly arguments: readonly string[];
  /** Folder of its own state, one sub-folder per container. */
  readonly root: string;
}

/** A container that exists. */
export interface OciContainer {
  readonly id: string;
  /** Host pid of its first process. */
  readonly pid: number;
  readonly pidStartTime: number;
  readonly cgroup: Cgroup;
}

/**
 * An OCI runtime as the driver uses it: what `crun`, `runc` and `runsc` do each in their own way, with as few processes as each allows. What conmon
 * runs (`create`, `exec`) is not here.
 */
export interface OciRuntime extends OciProgram {
  readonly name: 'crun' | 'runc' | 'runsc';
  /** What is executed: a path, or a copy that starts faster. */
  readonly executable: string;
  /** It takes a compiled filter of system calls, and leaves the one that it has compiled in its state. */
  readonly keepsCompiledFilter: boolean;
  readonly setsFirstTerminalSize: boolean;
  /** It makes mounts read-only with all that is mounted below them. */
  readonly recursiveReadOnly: boolean;

  /** Before a container is created: makes the host fit for it. Microseconds when it is. */
  prepare(): void;
  /** Lets a created container run. Rejects with an `OciRuntimeError`. */
  start(id: string): Promise<void>;
  /** Was it created and not started? */
  waitsForStart(id: string): Promise<boolean>;
  /** False when nobody was there to get it. `all`: to every process. */
  signal(container: OciContainer, signal: number, all: boolean): Promise<boolean>;
  /** Fine twice, as is `resume`. */
  pause(container: OciContainer): Promise<void>;
  resume(container: OciContainer): Promise<void>;
  isPaused(container: OciContainer): Promise<boolean>;
  /** A listing of the processes that the host cannot see; null where ps(1) of the host sees them. */
  innerProcesses(id: string): Promise<string | null>;
  /** Before the control group's processes are killed. */
  beforeKill(id: string): Promise<void>;
  /** Kills what runs and forgets the container. Fine when it is unknown. */
  delete(id: string): Promise<void>;
}

/** A refusal of the OCI runtime, in its own words. */
export class OciRuntimeError extends Error {
  override readonly name = 'OciRuntimeError';
}
