import type { Readable, Writable } from 'node:stream';

/**
 * The machine, as the rest of the engine sees it: whatever needs a system call of its own or another program is behind these interfaces. Plain files are
 * read and written where they belong, with `node:fs`. Injected everywhere, so that a test can count the calls and let one fail (`host/faults.ts`).
 */
export interface Host {
  readonly exec: Exec;
  readonly mounts: Mounts;
  readonly namespaces: Namespaces;
  readonly files: Files;
  readonly processes: Processes;
  readonly sockets: Sockets;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Complete environment; default: PATH, HOME and LANG=C.UTF-8. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds; the process is killed afterwards. Default 60_000. */
  readonly timeout?: number;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** 'pipe' gives a stream; a number is a file descriptor to inherit; default 'ignore'. */
  readonly stdin?: 'pipe' | 'ignore' | number;
  readonly stdout?: 'pipe' | 'ignore' | number;
  readonly stderr?: 'pipe' | 'ignore' | number;
  /** File descriptors that become 3, 4, … in the child. */
  readonly extraFds?: readonly number[];
  /** Run in a session of its own, so that it outlives the daemon. */
  readonly detached?: boolean;
}

export interface Child {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** 0-255; 128+n when killed by signal n. Never rejects. */
  readonly exited: Promise<number>;
  kill(signal?: NodeJS.Signals | number): void;
}

/** Starts processes. Never a shell. */
export interface Exec {
  /** Runs to the end and returns what it printed. Rejects with `host-tool-missing` when the program does not exist. */
  run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** As `run`, but a status other than 0 rejects with `command-failed` that quotes stderr. Returns stdout. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts and leaves running. */
  spawn(command: readonly string[], options?: SpawnOptions): Child;
  /** Absolute path of a program, looked up in PATH and the sbin folders; null when absent. */
  which(program: string): string | null;
  /** A path that runs `program` (absolute) from a sealed copy in memory, for as long as this process lives; see `SealedPrograms`. */
  sealed(program: string): string;
}

export interface OverlayOptions {
  /** Top-most first, as overlayfs wants them. At least one. */
  readonly lower: readonly string[];
  /** Absent: a read-only overlay. */
  readonly upper?: string;
  readonly work?: string;
  /** Skip all syncing of the upper layer: for contents that die with the instance. Unmounting is then 20 µs instead of 80 ms. */
  readonly volatile?: boolean;
}

export interface MountEntry {
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
}

/** mount(2) and relatives; synchronous where they take microseconds. */
export interface Mounts {
  overlay(target: string, options: OverlayOptions): void;
  bind(source: string, target: string, options?: { readOnly?: boolean; recursive?: boolean }): void;
  mount(source: string, target: string, type: string, options?: string): void;
  /** Detaches off the event loop. A target that is not mounted is fine. */
  unmount(target: string): Promise<void>;
  /** Detaches now: for what the kernel lets go in no time. A target that is not mounted is fine. */
  detach(target: string): void;
  /** /proc/self/mountinfo, parsed. */
  list(): MountEntry[];
}

/** Network namespaces pinned to files. */
export interface Namespaces {
  /** Creates a network namespace and pins it at `path` (created). Synchronous: about 0.5 ms. */
  createNet(path: string): void;
  /** Unpins and removes the file; fine when absent. */
  removeNet(path: string): Promise<void>;
  /** The command prefix that enters a pinned network namespace, cgroups left alone. */
  enterNet(path: string): readonly string[];
}

/** Durable files. */
export interface Files {
  /** Writes a temporary file beside `path`, fsyncs, renames, fsyncs the folder. */
  writeDurable(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  fsync(path: string): Promise<void>;
  /** syncfs(2) of the filesystem that holds `path`. */
  syncFilesystem(path: string): Promise<void>;
  /** Removes a tree off the event loop; fine when absent. */
  removeTree(path: string): Promise<void>;
  /** Free and total bytes of the filesystem that holds `path`. */
  space(path: string): Promise<{ free: number; total: number }>;
  /**
   * openat2(2) with RESOLVE_IN_ROOT: opens `path` inside `root` without ever leaving it, whatever links say. Returns a file descriptor
   * that the caller closes. Rejects `path-not-found`.
   */
  openInRoot(root: string, path: string, flags: number, mode?: number): number;
  /** Creates folders inside `root` one by one, each by descriptor. Returns nothing; existing ones are fine. */
  mkdirInRoot(root: string, path: string, mode: number): void;
  /** mkfifo(3), for the owner alone. Throws when something is there. */
  makeFifo(path: string): void;
}

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Proportional set size, bytes. */
  readonly pss: number;
  readonly rss: number;
  readonly command: readonly string[];
  /** Clock ticks since boot: with the pid, it names a process for good. */
  readonly startTime: number;
}

export interface Processes {
  alive(pid: number): boolean;
  /** Signals one process; false when it is gone. */
  kill(pid: number, signal: number): boolean;
  info(pid: number): ProcessInfo | null;
  /** Command line alone; empty when gone. Cheap, unlike `info`, which adds up memory. */
  command(pid: number): readonly string[];
  /** Clock ticks since boot; 0 when gone. Cheap. */
  startTime(pid: number): number;
  /** pid with `startTime` still the same process? */
  same(pid: number, startTime: number): boolean;
  list(): number[];
  /** Makes the terminals whose masters the process holds non-blocking for it; how many those are. See `terminal-master.ts`. */
  unblockTerminals(pid: number): number;
  /** Resolves when the process (not a child of ours) is gone; pidfd, no polling where the kernel has it. */
  gone(pid: number, signal?: AbortSignal): Promise<void>;
}

/** A SOCK_SEQPACKET connection: each `data` is one packet. */
export interface PacketSocket {
  /** One packet after another until the peer closes, also those that were queued when the peer reset the connection. Reading slowly slows the peer. */
  readonly packets: AsyncIterable<Uint8Array>;
  write(data: Uint8Array): Promise<void>;
  /** Half-close for writing. */
  end(): void;
  close(): void;
}

export interface PacketOptions {
  /** Packets begin with a byte that says what they are: those that begin alike may arrive as one, with that byte once and `HEADROOM` bytes to spare before the data. */
  readonly join: boolean;
  /**
   * Called when a slow reader begins to slow the peer. Once it resolves, the peer is not made to wait any more: what comes is kept, up to
   * 8 MiB, and dropped beyond. The signal ends the wait when the reader has caught up.
   */
  readonly slows?: (signal: AbortSignal) => Promise<void>;
}

export interface Sockets {
  /** Connects to a SOCK_SEQPACKET unix socket. Paths longer than 107 bytes work (through /proc/self/fd). */
  connectPackets(path: string, options?: PacketOptions): Promise<PacketSocket>;
  /** A connected pair: `theirs` is a descriptor for a child to inherit (close it after the spawn), `ours` tells of its packets and its end. */
  packetPair(): Promise<{ ours: PacketSocket; theirs: number }>;
}
