import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { packTar } from '../../lib/tar/archive.ts';
import type { CliIo } from '../io.ts';
import { CommandFailure, UsageError } from '../usage-error.ts';
import { packContext } from './context.ts';

/** What is sent to the engine: a tar stream, and the blueprint's path in it. */
export interface BuildSource {
  readonly blueprint: string;
  readonly context: AsyncIterable<Uint8Array>;
}

/** Name inside the context of a blueprint that came from stdin: one that no folder has. */
const STDIN_BLUEPRINT = '.hull-stdin.dockerfile';
const TAR_MAGIC = { at: 257, text: 'ustar' };

/**
 * The context of `hull build [-f FILE] PATH`: a folder; `-` reads stdin, which is a blueprint alone or a whole context as a
 * tar (plain or compressed); `-f -` takes the blueprint from stdin and the rest from the folder. Throws `UsageError`,
 * `CommandFailure`.
 */
export async function contextOf(io: CliIo, path: string, file: string | undefined): Promise<BuildSource> {
  if (path === '-') {
    if (file === '-') throw new UsageError('the blueprint and the context cannot both come from stdin');
    return contextOfInput(io, file);
  }
  const folder = resolve(io.cwd, path);
  if (!isFolder(folder)) throw new CommandFailure(1, `the build context ${path} is not a folder`);
  if (file === '-') {
    const text = await readInput(io);
    const member = { header: { name: STDIN_BLUEPRINT, type: 'file' as const }, body: text };
    return { blueprint: STDIN_BLUEPRINT, context: packContext(folder, STDIN_BLUEPRINT, [member]) };
  }
  const blueprint = file === undefined ? 'Dockerfile' : blueprintIn(io, folder, file);
  if (!isFile(resolve(folder, blueprint))) {
    throw new CommandFailure(1, `there is no blueprint ${resolve(folder, blueprint)}; name it with -f`);
  }
  return { blueprint, context: packContext(folder, blueprint) };
}

/** As docker: the file is looked for from here, then from the context; it must lie inside the context. */
function blueprintIn(io: CliIo, folder: string, file: string): string {
  const fromHere = resolve(io.cwd, file);
  const full = isFile(fromHere) ? fromHere : resolve(folder, file);
  const inside = relative(folder, full);
  if (inside.startsWith('..'))
    throw new UsageError(`the blueprint ${file} must be inside the build context ${folder}`);
  return inside;
}

async function contextOfInput(io: CliIo, file: string | undefined): Promise<BuildSource> {
  const input = io.input()[Symbol.asyncIterator]();
  const { value: first = new Uint8Array(), done } = await input.next();
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => input };
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield first;
    if (done !== true) yield* rest;
  }
  if (looksLikeArchive(first)) return { blueprint: file ?? 'Dockerfile', context: whole() };
  const pieces: Uint8Array[] = [];
  for await (const piece of whole()) pieces.push(piece);
  const text = Buffer.concat(pieces);
  if (text.length === 0)
    throw new CommandFailure(1, 'standard input is empty: it must be a blueprint or a tar');
  return {
    blueprint: 'Dockerfile',
    context: packTar([{ header: { name: 'Dockerfile', type: 'file' }, body: text }]),
  };
}

async function readInput(io: CliIo): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of io.input()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** tar, gzip, zstd, bzip2 or xz, by their first bytes. */
function looksLikeArchive(data: Uint8Array): boolean {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.toString('latin1', TAR_MAGIC.at, TAR_MAGIC.at + TAR_MAGIC.text.length) === TAR_MAGIC.text)
    return true;
  return ['1f8b', '28b52ffd', '425a68', 'fd377a58'].some(
    (magic) => bytes.toString('hex', 0, magic.length / 2) === magic,
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
