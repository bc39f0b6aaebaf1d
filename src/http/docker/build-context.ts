import type { EngineApi } from '../../engine/api.ts';
import { collect, peek } from '../../lib/streams.ts';
import { packTar } from '../../lib/tar/archive.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';

const LARGEST_BLUEPRINT = 4 * 1024 * 1024;
const GIT = /^(?:git:\/\/|git@|github\.com\/|https?:\/\/[^?#]*\.git(?:[#?]|$))/;
/** gzip, zstd, bzip2, xz. */
const COMPRESSED = ['1f8b', '28b52ffd', '425a68', 'fd377a58'];

/** The context of a build: the request's body, or what `remote` leads to, an archive or a blueprint alone. Throws `not-supported` for git. */
export async function buildContext(
  engine: EngineApi,
  exchange: Exchange,
): Promise<AsyncIterable<Uint8Array>> {
  const remote = exchange.query.nonEmpty('remote');
  if (remote === undefined || remote === 'client-session') return exchange.body();
  if (GIT.test(remote))
    throw new HullError(
      'not-supported',
      `build: contexts from git (${remote.slice(0, 200)}) are not supported; clone the repository and build its folder`,
    );
  const { head, whole } = await peek(await engine.archives.fetch(remote, exchange.signal), 512);
  if (isArchive(head)) return whole;
  const text = await blueprintOf(whole, remote);
  return packTar([
    { header: { name: exchange.query.nonEmpty('dockerfile') ?? 'Dockerfile', type: 'file' }, body: text },
  ]);
}

function isArchive(head: Uint8Array): boolean {
  const bytes = Buffer.from(head);
  return (
    bytes.toString('latin1', 257, 262) === 'ustar' ||
    COMPRESSED.some((magic) => bytes.toString('hex').startsWith(magic))
  );
}

async function blueprintOf(stream: AsyncIterable<Uint8Array>, remote: string): Promise<Uint8Array> {
  try {
    return await collect(stream, LARGEST_BLUEPRINT);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HullError(
      'invalid-argument',
      `${remote} is neither an archive nor a blueprint: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
