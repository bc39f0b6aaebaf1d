import type { BundleNetwork } from '../model/bundle-network.ts';
import type { Leftover } from '../model/leftover.ts';
import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../model/files.ts';
import type { ExitStatus, InstanceMount, ProcessSpec, TerminalSize } from '../model/instance.ts';
import type { InstanceOptions } from '../model/instance-options.ts';
import type { Availability, Isolation } from '../model/isolation.ts';
import type { Resources } from '../model/resources.ts';
import type { RootFilesystem } from '../model/root-filesystem.ts';

/**
 * One isolation, driven. The lifecycle (names, restart policy, removal, logs' reading) is written once, in `engine/`; a runtime holds only
 * what differs. The life of one run:
 *
 * ```
 * await runtime.create(bundle)          // everything exists, the workload has not run one instruction
 * const stdio = await runtime.attach(id)   // sees every byte: taken before start
 * await runtime.start(id)               // the workload runs
 * const exit = await runtime.wait(id)   // resolves once, also for a run that a former daemon started (after adopt)
 * await runtime.delete(id)              // nothing of the run is left; create may be called again with the same id
 * ```
 *
 * `create` that fails leaves nothing behind. `delete` works in every state, twice too, and collects what it could not remove into one error.
 * Instances outlive the process that made them: a new runtime object calls `adopt` with the same bundle and goes on.
 */
export interface Runtime {
  readonly isolation: Isolation;

  /** Can this host do it? Remembered; cheap after the first call. */
  probe(): Promise<Availability>;
  create(bundle: Bundle): Promise<void>;
  start(id: string): Promise<Started>;
  /** Sends a signal to the workload (`all`: to every process of the instance). Rejects `wrong-state` when it does not run. */
  signal(id: string, signal: number, options?: { all?: boolean }): Promise<void>;
  wait(id: string): Promise<ExitStatus>;
  /**
   * Joins the workload's stdio from now on. Several may be attached; a slow one slows the workload, a closed one does not.
   * `stdin` false: gives no input, and its leaving closes none.
   */
  attach(id: string, options?: { readonly stdin?: boolean }): Promise<Stdio>;
  exec(id: string, spec: ExecSpec): Promise<ExecSession>;
  /** Resizes the workload's terminal; no effect without one. */
  resize(id: string, size: TerminalSize): Promise<void>;
  stats(id: string): Promise<RuntimeStats>;
  /** The processes inside, for `top`: pids as the host (container) or the guest (VM) sees them. `psArgs` as given to ps(1). */
  processes(id: string, psArgs: readonly string[]): Promise<ProcessTable>;
  delete(id: string): Promise<void>;
  /** Takes over an instance that an earlier daemon created. Never changes it. */
  adopt(bundle: Bundle): Promise<AdoptedRun>;
  /** Host pids that exist for this instance, workload and helpers (conmon, QEMU, virtiofsd), for memory accounting and leak checks. */
  hostProcesses(id: string): Promise<HostProcesses>;
  /** Everything of this runtime's found on the host, by instance id, whether known or not: what `hull check` compares with the records. */
  inventory(): Promise<readonly Leftover[]>;
}

/** All that a runtime needs to make a run. Folders exist when `create` is called. */
export interface Bundle {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly process: ProcessSpec;
  readonly openStdin: boolean;
  /** stdin closes for good when the first client that had it attached goes. */
  readonly stdinOnce: boolean;
  readonly root: RootFilesystem;
  readonly mounts: readonly InstanceMount[];
  /** Files that the engine writes for the instance: bound over (container) or copied into the guest's own (VM). */
  readonly files: { readonly hosts: string; readonly hostname: string; readonly resolvConf: string };
  readonly network: BundleNetwork;
  readonly resources: Resources;
  readonly readOnlyRoot: boolean;
  readonly init: boolean;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly options: InstanceOptions;
  /** Volatile folder of this run: pid files, sockets, generated configuration. Short: sockets live here. */
  readonly runDir: string;
  readonly log: LogTarget;
}

/** What it takes to reach the files of an instance that does not run. */
export type FilesBundle = Pick<Bundle, 'id' | 'name' | 'root' | 'mounts' | 'readOnlyRoot' | 'runDir'>;

/** Where output goes: `runtime/log-file.ts` describes the line format. */
export interface LogTarget {
  readonly path: string;
  /** Bytes after which the file must not grow even when no daemon runs to rotate it. */
  readonly hardLimit: number;
  /** Files in all, the one that is written among them; absent: three. */
  readonly files?: number;
}

export interface Started {
  readonly pid: number;
  /** Clock ticks since boot of `pid`, see `Processes.same`. */
  readonly pidStartTime: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
  /** Bytes before `data` in its memory that the one who is given the chunk may write over: a header goes there without copying. */
  readonly headroom?: number;
}

/** A bidirectional connection to a process. With a terminal, all output is `stdout`. */
export interface Stdio {
  /** Ends when the process's output ends. Reading slowly slows the process, memory stays bounded. */
  readonly output: AsyncIterable<OutputChunk>;
  write(data: Uint8Array): Promise<void>;
  /** End of input. */
  closeInput(): Promise<void>;
  /** Leaves; the process goes on. */
  detach(): void;
}

export interface ExecSpec {
  readonly process: ProcessSpec;
  readonly openStdin: boolean;
  readonly privileged: boolean;
}

export interface ExecSession {
  readonly stdio: Stdio;
  /** Host pid for a container, guest pid for a VM; 0 if not known. */
  readonly pid: number;
  /** Why the command was not run at all, where it was not; its streams and exit status say so, too. */
  readonly refusal?: string;
  /** Exit status: 126 not executable, 127 not found, as docker has them; never rejects. */
  readonly exited: Promise<number>;
  resize(size: TerminalSize): Promise<void>;
  /** Kills the process itself; absent where there is none. */
  kill?(): Promise<void>;
}

/** Counters since the start; bytes, nanoseconds. */
export interface RuntimeStats {
  readonly readAt: number;
  readonly cpuNanoseconds: number;
  readonly cpuKernelNanoseconds: number;
  readonly cpuUserNanoseconds: number;
  /** Usage as Docker's client wants it: cache included, with the inactive file pages apart. */
  readonly memoryUsage: number;
  readonly memoryInactiveFile: number;
  readonly memoryLimit: number;
  readonly pids: number;
  readonly pidsLimit: number;
  readonly blockRead: number;
  readonly blockWrite: number;
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `created`: exists, not started. `exited`: `wait` resolves at once. `gone`: nothing found and no exit status was kept. */
export type AdoptedRun =
  | { readonly state: 'created' | 'exited' | 'gone' }
  | { readonly state: 'running'; readonly started: Started; readonly paused?: boolean };

export interface HostProcesses {
  /** The workload's processes (a container's own, QEMU for a VM). */
  readonly workload: readonly number[];
  /** What exists beside it: conmon, virtiofsd. */
  readonly helpers: readonly number[];
}

/** Optional capabilities: a runtime that has one implements it, and `isPausable` and the like ask. */

/**
 * Stops every process of an instance where it is, and lets it go on. Both are fine twice, and reject `wrong-state` when it does not run. Signals
 * to a paused instance take effect when it goes on; `delete` works all the same.
 */
export interface Pausable {
  /** Resolves when nothing runs any more. */
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
}

/**
 * What happens to a run that nobody asked for. `trouble`: what is wrong while it goes on, or stands still until it can go on by itself; null when
 * it is over.
 */
export type RunFact = { readonly kind: 'trouble'; readonly text: string | null };

/** Tells what happens to its runs, those that it adopted as well. Ends are told by `wait`. */
export interface Watchable {
  onFact(listener: (id: string, fact: RunFact) => void): void;
}
export function isWatchable(runtime: Runtime): runtime is Runtime & Watchable {
  return 'onFact' in runtime;
}

/** Changes the limits of an instance that runs. */
export interface Updatable {
  /** `resources`: all limits as they are to be from now on. Rejects `not-supported` naming what cannot change while it runs. */
  update(id: string, resources: Resources): Promise<void>;
}

export function isPausable(runtime: Runtime): runtime is Runtime & Pausable {
  return 'pause' in runtime && 'resume' in runtime;
}
export function isUpdatable(runtime: Runtime): runtime is Runtime & Updatable {
  return 'update' in runtime;
}

/**
 * Reaches the files of an instance where they do not lie on the host: while it runs, or while they are open (`RestingFiles`). Paths as in `lib/archive-path.ts`. All reject `path-not-found`,
 * `invalid-argument`, `denied`, `archive-invalid`, `no-space`; streams do so in the loop.
 */
export interface FileAccess {
  statFile(id: string, path: string, signal?: AbortSignal): Promise<FileStat>;
  readFiles(id: string, path: string, signal?: AbortSignal): Promise<FileArchive>;
  writeFiles(
    id: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  fileChanges(id: string, signal?: AbortSignal): Promise<readonly FileChange[]>;
  /** The whole root as a tar stream, without what is mounted on it. */
  readRoot(id: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** What was written over the image, as an OCI layer. */
  readLayer(id: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
export function hasFiles(runtime: Runtime): runtime is Runtime & FileAccess {
  return 'readFiles' in runtime && 'writeFiles' in runtime;
}

/** Opens the files of an instance that does not run, for `FileAccess`. What was written is on its disk when the write resolves. */
export interface RestingFiles {
  /** `runDir`: a volatile folder for this alone. Leaves nothing on the host when it fails. */
  openFiles(bundle: FilesBundle): Promise<void>;
  /** False too when what served them has ended by itself: then they are to be closed, and opened again. */
  filesAreOpen(id: string): boolean;
  /** Ends what is under way, an `openFiles` as well. Nothing but the folder is left on the host. Fine twice. */
  closeFiles(id: string): Promise<void>;
}
export function opensFiles(runtime: Runtime): runtime is Runtime & FileAccess & RestingFiles {
  return hasFiles(runtime) && 'openFiles' in runtime && 'closeFiles' in runtime;
}
