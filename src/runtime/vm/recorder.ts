import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import type { ExitStatus } from '../../model/instance.ts';
import type { LogTarget } from '../runtime.ts';
import { handleOf, isAlive } from './process-handle.ts';
import { type ProcessHandle, readExitRecord, runFiles, type VmRecord } from './vm-record.ts';

/** Bytes of one file of a guest kernel's messages, and of QEMU's own; the one before is kept as well. */
const MESSAGES_LIMIT = 64 * 1024;
const EXIT_RECORD_LIMIT = 4096;
/** Milliseconds that what QEMU has written may take to be in its file. */
const RECORD_DEADLINE = 5_000;
const RECORD_PACE = 2;

/** Whose streams are recorded, and where. */
export interface Recorded {
  readonly runDir: string;
  readonly log: LogTarget;
  readonly layout: VmRecord['layout'];
  /** Are there folders that a virtiofsd serves? */
  readonly shares: boolean;
}

/** The file of one stream; `guest/recorder/recorder.c` has what the kinds mean. */
interface Recording {
  readonly kind: 'lines' | 'text' | 'tail' | 'head';
  /** Bytes of one file; 0: none. */
  readonly limit: number;
  readonly pipe: string;
  readonly path: string;
}

/** In the order in which they are served: an exit on record follows on all output. A machine has neither log nor exit record: its console is its log. */
function recordingsOf({ runDir, log, layout, shares }: Recorded): Recording[] {
  const limit = log.hardLimit;
  const messages = { kind: 'tail', limit: MESSAGES_LIMIT } as const;
  const consolePipe = runFiles.consolePipe(runDir);
  const own: Recording[] =
    layout === 'machine'
      ? [{ kind: 'text', limit, pipe: consolePipe, path: log.path }]
      : [
          { kind: 'lines', limit, pipe: runFiles.logPipe(runDir), path: log.path },
          {
            kind: 'head',
            limit: EXIT_RECORD_LIMIT,
            pipe: runFiles.exitPipe(runDir),
            path: runFiles.exit(runDir),
          },
          { ...messages, pipe: consolePipe, path: runFiles.console(runDir) },
        ];
  const errors = { ...messages, pipe: runFiles.errorsPipe(runDir), path: runFiles.errors(runDir) };
  const shared = { ...messages, pipe: runFiles.sharesPipe(runDir), path: runFiles.shares(runDir) };
  return [...own, errors, ...(shares ? [shared] : [])];
}

/**
 * Starts the program that writes what a VM says to files with bounds, which hold without a daemon and whatever the guest does. QEMU and virtiofsd
 * open their pipes (`runFiles`); it ends when they have. `name`: of the VM, by which the recorder is found again.
 */
export function startRecorder(
  host: Pick<Host, 'exec' | 'files' | 'processes'>,
  program: string,
  name: string,
  recorded: Recorded,
): ProcessHandle {
  const recordings = recordingsOf(recorded);
  for (const { pipe } of recordings) host.files.makeFifo(pipe);
  const channels = recordings.flatMap(({ kind, limit, pipe, path }) => [`${kind}:${limit}`, pipe, path]);
  const child = host.exec.spawn([program, '--instance', name, ...channels], { detached: true });
  return handleOf(host, child.pid);
}

/** Resolves when all that an ended VM said is in its files, or after `RECORD_DEADLINE`. */
export async function recorderDone(host: Pick<Host, 'processes'>, recorder?: ProcessHandle): Promise<void> {
  if (recorder === undefined || !isAlive(host, recorder)) return;
  const late = new AbortController();
  const gone = host.processes.gone(recorder.pid);
  await Promise.race([gone, sleep(RECORD_DEADLINE, null, { signal: late.signal }).catch(() => null)]);
  late.abort();
}

/** The exit record of a guest that says that it has written it, or has ended; null when there is none. */
export async function recordedExit(
  host: Pick<Host, 'processes'>,
  runDir: string,
  recorder?: ProcessHandle,
): Promise<ExitStatus | null> {
  for (const deadline = Date.now() + RECORD_DEADLINE; ; await sleep(RECORD_PACE)) {
    const last = recorder === undefined || !isAlive(host, recorder) || Date.now() > deadline;
    const exit = readExitRecord(runDir);
    if (exit !== null || last) return exit;
  }
}
