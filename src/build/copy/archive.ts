import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { HullError } from '../../model/errors.ts';
import { packTar, type TarInput } from '../../lib/tar/archive.ts';
import type { TarMember } from '../../lib/tar/encode.ts';
import type { Placed } from './layout.ts';
import type { SourceTree, TreeEntry } from './source-tree.ts';

const readDescriptor = promisify(read);
const NANOSECONDS = 1_000_000_000n;
const CHUNK = 256 * 1024;

/** What is to be written, as a tar stream for the confined extractor. */
export function archiveOf(placed: readonly Placed[], tree: SourceTree): AsyncIterable<Uint8Array> {
  return packTar(members(placed, tree));
}

function* members(placed: readonly Placed[], tree: SourceTree): Generator<TarInput> {
  for (const item of placed) {
    if ('content' in item) {
      const { to, content, mode, owner } = item;
      yield { header: { name: to, type: 'file', mode, ...owner }, body: content };
    } else {
      const header = memberOf(item.to, item.entry, tree);
      yield item.entry.type === 'file' ? { header, body: readFileOf(item.entry, tree) } : { header };
    }
  }
}

/** The bytes of a regular file, exactly as many as its entry says. */
export async function* readFileOf(entry: TreeEntry, tree: SourceTree): AsyncGenerator<Uint8Array> {
  const descriptor = tree.open(entry);
  try {
    for (let left = entry.size; left > 0;) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, left));
      const { bytesRead } = await readDescriptor(descriptor, buffer, 0, buffer.length, null);
      if (bytesRead === 0)
        throw new HullError('internal', `"/${entry.path}" became shorter while it was copied; try again`);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    closeSync(descriptor);
  }
}

function memberOf(name: string, entry: TreeEntry, tree: SourceTree): TarMember {
  const { type, mode, uid, gid, size, mtime, target, device } = entry;
  return {
    name,
    type,
    mode,
    uid,
    gid,
    size,
    mtime: BigInt(mtime) * NANOSECONDS,
    linkName: target,
    devMajor: (device >>> 8) & 0xfff,
    devMinor: (device & 0xff) | ((device >>> 12) & 0xfff00),
    xattrs: type === 'file' || type === 'directory' ? tree.attributes(entry) : new Map(),
  };
}
