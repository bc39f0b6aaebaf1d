import { closeSync, openSync, readFileSync, rmSync, writeSync, constants } from 'node:fs';
import type { Host, PacketSocket } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import type { TerminalSize } from '../../model/instance.ts';
import { DEFAULT_PATH } from '../../model/default-path.ts';
import { type OciRuntime, OciRuntimeError } from './oci-runtime.ts';

/** Files in the folder of a run that conmon makes or that are made for it. */
export const runFiles = {
  config: 'config.json',
  process: 'process.json',
  pid: 'pidfile',
  conmonPid: 'conmon.pid',
  attach: 'attach',
  control: 'ctl',
} as const;

export interface MonitorSpec {
  readonly id: string;
  readonly name: string;
  readonly runDir: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** stdin stays open when a client that was attached goes. */
  readonly keepStdin: boolean;
}

/** What conmon reports about one container or exec. */
export interface Monitored {
  readonly pid: number;
  /** Exit status of an exec; null when conmon went without telling. For a container always null: its status goes to the exit folder. */
  readonly ended: Promise<number | null>;
}

const WIN_RESIZE = 1;
/** conmon takes no more than this. */
const MAX_TERMINAL = 1000;

/**
 * conmon(8), the monitor: one small process per container that holds its stdio, writes its log and its exit status, and outlives the daemon.
 * It tells about the start, and an exec's end, on a descriptor that it inherits (`_OCI_SYNCPIPE`); that descriptor's end of file is conmon's own end.
 */
export class Conmon {
  readonly #host: Host;
  readonly #program: string;
  readonly #runtime: Pick<OciRuntime, 'executable' | 'arguments'>;

  constructor(host: Host, program: string, runtime: Pick<OciRuntime, 'executable' | 'arguments'>) {
    this.#host = host;
    this.#program = program;
    this.#runtime = runtime;
  }

  /** `runtime create`; resolves when the container exists. `config.json` is in `runDir`. */
  async create(
    spec: MonitorSpec,
    log: { path: string; hardLimit: number },
    exitDir: string,
  ): Promise<Monitored> {
    const { ours, theirs } = await this.#host.sockets.packetPair();
    const options = Object.entries({
      '--exit-dir': exitDir,
      '--log-path': `k8s-file:${log.path}`,
      ...(log.hardLimit > 0 ? { '--log-size-max': String(log.hardLimit) } : {}),
    }).flat();
    this.#spawn(spec, options, [theirs], { _OCI_SYNCPIPE: '3' });
    return this.#begun(spec, await new SyncPipe(ours).started());
  }

  /**
   * `runtime exec` of `process.json` in `runDir`. `attach` is called when the session's socket listens; the process starts when it has resolved,
   * so that no output is missed.
   */
  async exec(spec: MonitorSpec, attach: () => Promise<void>): Promise<Monitored> {
    const [sync, ready, start] = await Promise.all([0, 1, 2].map(() => this.#host.sockets.packetPair()));
    if (sync === undefined || ready === undefined || start === undefined)
      throw new HullError('internal', 'no socket pair');
    const descriptors = [sync.theirs, ready.theirs, start.theirs];
    const process = `${spec.runDir}/${runFiles.process}`;
    try {
      this.#spawn(
        spec,
        ['--exec', '--exec-attach', '--exec-process-spec', process, '--log-path', 'none'],
        descriptors,
        {
          _OCI_SYNCPIPE: '3',
          _OCI_ATTACHPIPE: '4',
          _OCI_STARTPIPE: '5',
        },
      );
      await start.ours.write(Buffer.from('0'));
      for await (const _ of ready.ours.packets) break;
      await attach();
      await start.ours.write(Buffer.from('0'));
      return this.#begun(spec, await new SyncPipe(sync.ours).started());
    } finally {
      ready.ours.close();
      start.ours.close();
    }
  }

  /** Sets the terminal's size; no effect when the monitor is gone. */
  resize(runDir: string, { rows, columns }: TerminalSize): void {
    let control: number;
    try {
      control = openSync(`${runDir}/${runFiles.control}`, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return;
    }
    try {
      writeSync(
        control,
        `${WIN_RESIZE} ${Math.min(rows, MAX_TERMINAL)} ${Math.min(columns, MAX_TERMINAL)}\n`,
      );
    } finally {
      closeSync(control);
    }
  }

  /**
   * Input for a terminal must not make conmon wait: as long as it does, it passes on no output and sees no end. It leaves the terminal's master
   * blocking, but waits for room in its event loop where a write says that there is none (conmon, conn_sock.c: sock_try_write_to_local_sock).
   */
  #begun(spec: MonitorSpec, monitored: Monitored): Monitored {
    if (spec.tty && spec.stdin)
      this.#host.processes.unblockTerminals(readPid(`${spec.runDir}/${runFiles.conmonPid}`));
    return monitored;
  }

  #spawn(
    spec: MonitorSpec,
    options: readonly string[],
    descriptors: readonly number[],
    pipes: Record<string, string>,
  ): void {
    const flags: Readonly<Record<string, string>> = {
      '--api-version': '1',
      '--cid': spec.id,
      '--cuuid': spec.id,
      '--name': spec.name,
      '--runtime': this.#runtime.executable,
      '--bundle': spec.runDir,
      '--container-pidfile': `${spec.runDir}/${runFiles.pid}`,
      '--conmon-pidfile': `${spec.runDir}/${runFiles.conmonPid}`,
      '--log-level': 'error',
    };
    const command = [
      this.#program,
      ...Object.entries(flags).flat(),
      '--full-attach',
      '--no-sync-log',
      ...(spec.tty ? ['--terminal'] : []),
      ...(spec.stdin ? ['--stdin'] : []),
      ...(spec.keepStdin ? ['--leave-stdin-open'] : []),
      ...options,
      ...this.#runtime.arguments.flatMap((argument) => ['--runtime-arg', argument]),
    ];
    try {
      // It writes a file named `oom` into its working folder.
      this.#host.exec.spawn(command, {
        cwd: spec.runDir,
        extraFds: descriptors,
        detached: true,
        // The socket that a terminal comes over is made in the temporary folder: not in one that everybody uses.
        env: { PATH: DEFAULT_PATH, TMPDIR: spec.runDir, ...pipes },
      });
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor);
    }
  }
}

/** Reads conmon's reports: JSON lines `{"data": n, "message": "…"}`; the first is the pid (or a negative number and the runtime's words). */
class SyncPipe {
  readonly #reports: AsyncIterator<Uint8Array>;
  readonly #socket: PacketSocket;

  constructor(socket: PacketSocket) {
    this.#socket = socket;
    this.#reports = socket.packets[Symbol.asyncIterator]();
  }

  async started(): Promise<Monitored> {
    const first = await this.#next();
    if (first !== null && first.data > 0) return { pid: first.data, ended: this.#rest() };
    this.#socket.close();
    throw new OciRuntimeError(first?.message ?? 'the monitor ended without a word');
  }

  async #rest(): Promise<number | null> {
    const report = await this.#next();
    if (report === null) return null;
    this.#socket.close();
    return report.data;
  }

  async #next(): Promise<SyncReport | null> {
    const result = await this.#reports.next();
    return result.done === true ? null : parseSyncReport(new TextDecoder().decode(result.value));
  }
}

export interface SyncReport {
  readonly data: number;
  readonly message: string;
}

/** One report; conmon's JSON may hold raw control characters, so it is read leniently. */
export function parseSyncReport(text: string): SyncReport | null {
  const data = /"data":\s*(-?\d+)/.exec(text)?.[1];
  if (data === undefined) return null;
  const raw = /"message":\s*"((?:[^"\\]|\\[\s\S])*)"/.exec(text)?.[1] ?? '';
  const message = raw.replaceAll(
    /\\u([0-9a-f]{4})|\\([\s\S])/gi,
    (_, code: string | undefined, character: string) =>
      code === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16)),
  );
  return { data: Number(data), message: message.trim() };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b' };

/** A pid file's number; 0 when there is none. */
export function readPid(path: string): number {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : 0;
  } catch {
    return 0;
  }
}

/** Forgets a run's volatile files, so that the folder can be used again. */
export function clearRunFiles(runDir: string): void {
  for (const name of [...Object.values(runFiles), 'winsz', 'started', 'oom'])
    rmSync(`${runDir}/${name}`, { force: true });
}
