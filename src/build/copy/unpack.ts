import { closeSync } from 'node:fs';
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import type { Trees } from '../../storage/trees.ts';
import { readFileOf } from './archive.ts';
import type { Selected } from './select.ts';
import type { SourceTree } from './source-tree.ts';

/** A local archive that ADD unpacks. */
export interface Archive {
  readonly item: Selected;
  /** The program that decompresses it; null where the extractor does so itself. */
  readonly tool: 'xz' | 'bzip2' | null;
}

const HEAD = 128 * 1024;

/** Which of the sources are archives: told by content (tar, also inside gzip and zstd); inside xz and bzip2 also by name, as their content is not looked into here. */
export async function splitArchives(
  items: readonly Selected[],
  tree: SourceTree,
): Promise<{ archives: Archive[]; others: Selected[] }> {
  const archives: Archive[] = [];
  const others: Selected[] = [];
  for (const item of items) {
    const tool = item.root.type === 'file' ? archiveTool(item.name, await head(item, tree)) : undefined;
    if (tool === undefined) others.push(item);
    else archives.push({ item, tool });
  }
  return { archives, others };
}

/** Unpacks into `folder` (relative to the root, made where absent), confined to the root. */
export async function unpackArchive(
  { item, tool }: Archive,
  tree: SourceTree,
  tools: { host: Host; trees: Pick<Trees, 'extract'> },
  root: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const options = { mode: 'plain', into: `/${folder}`, replace: true } as const;
  if (tool === null) {
    await tools.trees.extract(readFileOf(item.root, tree), root, options, { signal });
    return;
  }
  const descriptor = tree.open(item.root);
  try {
    if (tools.host.exec.which(tool) === null) {
      throw new HullError(
        'host-tool-missing',
        `ADD needs ${tool} to unpack "${item.name}"; install the package ${tool === 'xz' ? 'xz-utils' : tool}`,
      );
    }
    const child = tools.host.exec.spawn([tool, '-dc'], { stdin: descriptor, stdout: 'pipe' });
    try {
      if (child.stdout !== null) await tools.trees.extract(child.stdout, root, options, { signal });
      if ((await child.exited) !== 0)
        throw new HullError(
          'archive-invalid',
          `${tool} cannot decompress "${item.name}"; is the file whole?`,
        );
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  } finally {
    closeSync(descriptor);
  }
}

async function head(item: Selected, tree: SourceTree): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readFileOf(item.root, tree)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= HEAD) break;
  }
  return Buffer.concat(chunks).subarray(0, HEAD);
}

/** Undefined: no archive. */
function archiveTool(name: string, start: Buffer): Archive['tool'] | undefined {
  if (isTar(start)) return null;
  if (start.subarray(0, 2).toString('hex') === '1f8b')
    return isTar(inflate(start, gunzipSync)) ? null : undefined;
  if (start.subarray(0, 4).toString('hex') === '28b52ffd')
    return isTar(inflate(start, zstdDecompressSync)) ? null : undefined;
  if (start.subarray(0, 6).toString('hex') === 'fd377a585a00')
    return /\.(?:tar\.xz|txz)$/u.test(name) ? 'xz' : undefined;
  const bzip2 = start.subarray(0, 3).toString('latin1') === 'BZh' && /\.(?:tar\.bz2|tbz2?)$/u.test(name);
  return bzip2 ? 'bzip2' : undefined;
}

/** The beginning of what is inside, as far as a part of the file tells. */
function inflate(start: Buffer, decompress: typeof gunzipSync | typeof zstdDecompressSync): Buffer {
  try {
    const finishFlush = decompress === gunzipSync ? constants.Z_SYNC_FLUSH : constants.ZSTD_e_continue;
    return decompress(start, { finishFlush });
  } catch {
    return Buffer.alloc(0);
  }
}

function isTar(start: Buffer): boolean {
  return start.length >= 512 && start.subarray(257, 262).toString('latin1') === 'ustar';
}
