import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { Host } from '../host/host.ts';
import { compressionOf } from '../lib/compression-formats.ts';
import { peek } from '../lib/streams.ts';
import { HullError } from '../model/errors.ts';

/** Bytes that tell the compressions which the unpacking process does not know. */
const LONGEST_MAGIC = 6;

/**
 * An archive that may be compressed with xz or bzip2, decompressed by the host's program where it is; anything else as it came. Rejects in the
 * loop with `archive-invalid` for what is damaged, `host-tool-missing`.
 */
export async function* withoutForeignCompression(
  host: Pick<Host, 'exec'>,
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(archive, LONGEST_MAGIC);
  const tool = compressionOf(head);
  if (tool !== 'xz' && tool !== 'bzip2') return yield* whole;
  if (host.exec.which(tool) === null)
    throw new HullError(
      'host-tool-missing',
      `the archive is compressed with ${tool}, which is not installed; install ${tool === 'xz' ? 'xz-utils' : tool}`,
    );
  const child = host.exec.spawn([tool, '-dc'], { stdin: 'pipe', stdout: 'pipe' });
  let failure: unknown = null;
  const fed =
    child.stdin === null
      ? Promise.resolve()
      : pipeline(Readable.from(whole, { objectMode: false }), child.stdin).catch((error: unknown) => {
          failure = error;
        });
  try {
    if (child.stdout !== null) for await (const chunk of child.stdout) yield chunk as Uint8Array;
    await fed;
    if ((await child.exited) !== 0)
      throw failure instanceof HullError
        ? failure
        : new HullError(
            'archive-invalid',
            `${tool} cannot decompress the archive: it is damaged or truncated`,
          );
  } finally {
    child.kill('SIGKILL');
  }
}
