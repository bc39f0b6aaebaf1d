import { createReadStream, writeSync } from 'node:fs';
import { Confinement } from '../host/confinement.ts';
import { TreeSyscalls } from '../host/tree-syscalls.ts';
import { Digester } from '../lib/digest.ts';
import { TarParser } from '../lib/tar/parser.ts';
import { TarError } from '../lib/tar/types.ts';
import { decompress, DescriptorSink, GzipSink } from './compression.ts';
import type { ConfinedReport } from './confined-report.ts';
import type { ArchiveOptions, ArchiveResult, ExtractOptions, ExtractResult } from './trees.ts';
import { TarApplier } from './tar-applier.ts';
import { TreeArchiver } from './tree-archiver.ts';
import { isErrno } from './tree-paths.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const CHUNK = 256 * 1024;
const DEFAULT_BYTES = 2 ** 40;

/**
 * `hull internal extract ROOT OPTIONS`: unpacks the tar stream on standard input (plain, gzip or zstd) into ROOT, which becomes this process's
 * whole world first. OPTIONS is `ExtractOptions` as JSON. The blob goes to standard output where asked for, the report to standard error as the
 * last line. Resolves to the exit status.
 */
export async function extractMain(argv: readonly string[]): Promise<number> {
  return await confined<ExtractOptions, ExtractResult>(argv, extract);
}

/** `hull internal archive ROOT OPTIONS`: the tree as a tar stream on standard output. OPTIONS is `ArchiveOptions` as JSON. */
export async function archiveMain(argv: readonly string[]): Promise<number> {
  return await confined<ArchiveOptions, ArchiveResult>(argv, archive);
}

async function confined<O, R>(
  argv: readonly string[],
  work: (syscalls: TreeSyscalls, options: O) => Promise<R>,
): Promise<number> {
  let report: ConfinedReport<R>;
  try {
    const [root = '', json = ''] = argv;
    const options = JSON.parse(json) as O;
    const syscalls = new TreeSyscalls();
    process.umask(0);
    const confinement = new Confinement();
    confinement.ownMounts();
    confinement.enter(root);
    confinement.disarmMounts();
    report = { ok: true, result: await work(syscalls, options) };
  } catch (error) {
    report = { ok: false, ...explain(error) };
  }
  writeSync(STDERR, `${JSON.stringify(report)}\n`);
  return report.ok ? 0 : 1;
}

async function extract(syscalls: TreeSyscalls, options: ExtractOptions): Promise<ExtractResult> {
  const sink = new DescriptorSink(STDOUT);
  const input = createReadStream('', { fd: STDIN, highWaterMark: CHUNK, autoClose: false });
  const keep = options.blob === true;
  const { compression, stream } = await decompress(input, (chunk, kind) => {
    if (keep && kind === 'gzip') sink.write(chunk);
  });
  const gzip = keep && compression !== 'gzip' ? new GzipSink(sink) : null;
  const applier = new TarApplier(syscalls, options);
  const digester = await unpack(stream, applier, options, gzip);
  await gzip?.end();
  if (options.sync === true) syscalls.syncFilesystem('/');
  return {
    diffId: digester.digest(),
    bytes: digester.size,
    entries: applier.entries,
    unpackedSize: applier.unpackedSize,
    blob: keep ? { digest: sink.digester.digest(), size: sink.digester.size } : null,
  };
}

async function unpack(
  stream: AsyncIterable<Uint8Array>,
  applier: TarApplier,
  options: ExtractOptions,
  gzip: GzipSink | null,
): Promise<Digester> {
  const { bytes = DEFAULT_BYTES, entries } = options.limits ?? {};
  const digester = new Digester();
  const parser = new TarParser(entries === undefined ? { fileBytes: bytes } : { fileBytes: bytes, entries });
  try {
    for await (const chunk of stream) {
      digester.update(chunk);
      if (digester.size > bytes) throw new TarError(`the archive is larger than ${bytes} bytes`);
      const written = gzip?.write(chunk);
      // Awaited below, unless what comes in between fails first.
      written?.catch(() => undefined);
      for (const event of parser.push(chunk)) applier.apply(event);
      await written;
    }
    parser.finish();
    applier.finish();
  } catch (error) {
    throw new MemberError(applier.current, error);
  }
  return digester;
}

async function archive(syscalls: TreeSyscalls, options: ArchiveOptions): Promise<ArchiveResult> {
  const sink = new DescriptorSink(STDOUT);
  const gzip = options.gzip === true ? new GzipSink(sink) : null;
  const digester = new Digester();
  const archiver = new TreeArchiver(syscalls, options);
  try {
    for (const chunk of archiver.archive()) {
      digester.update(chunk);
      if (gzip === null) sink.write(chunk);
      else await gzip.write(chunk);
    }
  } catch (error) {
    throw new MemberError(archiver.current, error);
  }
  await gzip?.end();
  if (options.settle === true) syscalls.syncFilesystem('/');
  return {
    diffId: digester.digest(),
    bytes: digester.size,
    entries: archiver.entries,
    unpackedSize: archiver.unpackedSize,
    blob: { digest: sink.digester.digest(), size: sink.digester.size },
  };
}

/** An error and the member at which it came. */
class MemberError extends Error {
  constructor(member: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    if (!(cause instanceof TarError) && member !== '') this.message = `${member}: ${this.message}`;
  }
}

function explain(error: unknown): {
  reason: 'archive' | 'no-space' | 'not-found' | 'other';
  message: string;
} {
  const cause = error instanceof MemberError ? error.cause : error;
  const message = error instanceof Error ? error.message : String(error);
  if (cause instanceof TarError)
    return { reason: message.startsWith('no such file') ? 'not-found' : 'archive', message };
  if (isErrno(cause, 'ENOSPC') || isErrno(cause, 'EDQUOT')) return { reason: 'no-space', message };
  // A hostile archive can provoke these; the tree is the archive's own fault.
  const provoked = ['ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR', 'EINVAL', 'ENOENT'].some((code) =>
    isErrno(cause, code),
  );
  return { reason: provoked ? 'archive' : 'other', message };
}
