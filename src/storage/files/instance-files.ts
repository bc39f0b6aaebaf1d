import { closeSync } from 'node:fs';
import type { Child, Host } from '../../host/host.ts';
import { openMountNamespace } from '../../host/mount-namespace.ts';
import { selfCommand } from '../../host/self.ts';
import { HullError } from '../../model/errors.ts';
import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';
import { feed } from '../feed.ts';
import type { FilesCall, FilesReport, FilesView, InstanceFiles } from './files.ts';
import { ReportReader } from './report-reader.ts';

/** `InstanceFiles` by `hull internal files`; see `process.ts`. */
export class ConfinedFiles implements InstanceFiles {
  readonly #host: Host;
  readonly #self: readonly string[];

  /** `self`: the command that runs hull again. */
  constructor(host: Host, self: readonly string[] = selfCommand()) {
    this.#host = host;
    this.#self = self;
  }

  async stat(view: FilesView, path: string, signal?: AbortSignal): Promise<FileStat> {
    const { reports, end } = this.#start({ view, operation: { verb: 'stat', path } }, 'ignore', signal);
    const stat = statOf(await reports.next());
    await end();
    return stat;
  }

  async read(view: FilesView, path: string, signal?: AbortSignal): Promise<FileArchive> {
    const call = { view, operation: { verb: 'read', path } } as const;
    const { child, reports, end } = this.#start(call, 'ignore', signal);
    const stat = statOf(await reports.next());
    return { stat, stream: outputOf(child, end) };
  }

  async write(
    view: FilesView,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void> {
    const call = { view, operation: { verb: 'write', path, ...options } } as const;
    const { child, end } = this.#start(call, 'pipe', signal);
    const sourceError = await feed(child, archive);
    if (sourceError !== null) child.kill('SIGKILL');
    await child.exited;
    if (sourceError !== null) throw sourceError;
    await end();
  }

  async *changes(
    view: FilesView & { kind: 'layers' },
    signal?: AbortSignal,
  ): AsyncGenerator<readonly FileChange[]> {
    const { child, reports } = this.#start({ view, operation: { verb: 'changes' } }, 'ignore', signal);
    try {
      for (;;) {
        const report = await reports.next().catch((error: unknown) => {
          signal?.throwIfAborted();
          throw error;
        });
        if (report.kind === 'done') return;
        if (report.kind !== 'changes') throw unexpected(report);
        yield report.changes;
      }
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  }

  #start(call: FilesCall, stdin: 'pipe' | 'ignore', signal: AbortSignal | undefined): Running {
    signal?.throwIfAborted();
    const { view } = call;
    const namespace = view.kind === 'process' ? openMountNamespace(this.#host.processes, view) : null;
    let child: Child;
    try {
      child = this.#host.exec.spawn([...this.#self, 'internal', 'files', JSON.stringify(call)], {
        stdin,
        stdout: 'pipe',
        stderr: 'pipe',
        extraFds: namespace === null ? [] : [namespace],
      });
    } finally {
      if (namespace !== null) closeSync(namespace);
    }
    const abort = (): void => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort, { once: true });
    void child.exited.then(() => signal?.removeEventListener('abort', abort));
    const reports = new ReportReader(child.stderr);
    const end = async (): Promise<void> => {
      await child.exited;
      signal?.throwIfAborted();
      const last = await reports.next();
      if (last.kind !== 'done') throw unexpected(last);
    };
    return { child, reports, end };
  }
}

interface Running {
  readonly child: Child;
  readonly reports: ReportReader;
  /** Rejects unless the process says that all went well. */
  readonly end: () => Promise<void>;
}

async function* outputOf(child: Child, end: () => Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    if (child.stdout !== null) for await (const chunk of child.stdout) yield chunk as Uint8Array;
    await end();
  } finally {
    child.kill('SIGKILL');
  }
}

function statOf(report: FilesReport): FileStat {
  if (report.kind !== 'stat') throw unexpected(report);
  return { ...report.stat, mtime: BigInt(report.stat.mtime) };
}

function unexpected(report: FilesReport): HullError {
  if (report.kind === 'failed') return new HullError(report.code, report.message);
  return new HullError(
    'internal',
    `the process for an instance's files sent an unexpected message: ${report.kind}`,
  );
}
