import { open } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Digester } from '../../lib/digest.ts';
import { readTar, type TarEntry } from '../../lib/tar/archive.ts';
import { HullError } from '../../model/errors.ts';
import type { Digest } from '../../model/image.ts';

/** Members of an archive of images: a few for each layer. */
const MOST_MEMBERS = 50_000;
/** Links that lead to links. */
const MOST_HOPS = 8;

/** A member's bytes, in a file whose name has nothing to do with the member's. */
export interface SpooledFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
}

/** An archive taken apart: its members by name, on the disk. Names are keys and nothing more: none of them becomes a path of this host. */
export class SpooledArchive {
  readonly #files = new Map<string, SpooledFile>();
  readonly #links = new Map<string, string>();

  /** Null when there is no such file. Links are followed inside the archive. */
  find(name: string): SpooledFile | null {
    let at = posix.normalize(name);
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      const file = this.#files.get(at);
      if (file !== undefined) return file;
      const next = this.#links.get(at);
      if (next === undefined) return null;
      at = next;
    }
    return null;
  }

  addFile(name: string, file: SpooledFile): void {
    this.#links.delete(name);
    this.#files.set(name, file);
  }

  /** `target` as a name in the archive. */
  addLink(name: string, target: string): void {
    this.#files.delete(name);
    this.#links.set(name, target);
  }
}

/** Takes a plain tar stream apart into `folder`, which must be empty. Rejects `archive-invalid` for members that lead out of it or are no files. */
export async function spool(
  stream: AsyncIterable<Uint8Array>,
  folder: string,
  signal?: AbortSignal,
): Promise<SpooledArchive> {
  const archive = new SpooledArchive();
  let count = 0;
  for await (const entry of readTar(stream, { entries: MOST_MEMBERS })) {
    signal?.throwIfAborted();
    await addMember(archive, entry, join(folder, String(count)), signal);
    count += 1;
  }
  return archive;
}

async function addMember(
  archive: SpooledArchive,
  { header, body }: TarEntry,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = inside(header.name, header.name);
  switch (header.type) {
    case 'directory':
      return;
    case 'file':
      archive.addFile(name, await write(body, path, signal));
      return;
    case 'symlink':
      archive.addLink(
        name,
        inside(posix.join(posix.dirname(name), header.linkName), header.name, header.linkName),
      );
      return;
    case 'hardlink':
      archive.addLink(name, inside(header.linkName, header.name));
      return;
    default:
      throw invalid(`${header.name} is a ${header.type.replace('-', ' ')}, which no archive of images has`);
  }
}

/** The name without `./` and the like. A name or a link that leads out is refused, not trimmed: nobody writes one by accident. */
function inside(name: string, member: string, target = name): string {
  const clean = posix.normalize(name);
  if (target.startsWith('/') || clean === '..' || clean.startsWith('../') || clean.includes('\0'))
    throw invalid(`${JSON.stringify(member.slice(0, 200))} leads out of the archive`);
  return clean.replace(/\/$/, '');
}

async function write(
  body: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal | undefined,
): Promise<SpooledFile> {
  const digester = new Digester();
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of body) {
      signal?.throwIfAborted();
      digester.update(chunk);
      for (let at = 0; at < chunk.length;)
        at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
    }
  } finally {
    await file.close();
  }
  return { path, size: digester.size, digest: digester.digest() };
}

export function invalid(why: string): HullError {
  return new HullError('archive-invalid', `invalid archive: ${why}`);
}
