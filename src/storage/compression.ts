import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip, createGzip, createZstdDecompress, type Gzip } from 'node:zlib';
import { compressionOf } from '../lib/compression-formats.ts';
import { Digester } from '../lib/digest.ts';
import { peek } from '../lib/streams.ts';
import { TarError } from '../lib/tar/types.ts';
import type { Digest } from '../model/image.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** A small archive may grow this much in any ratio. */
const FREE_BYTES = 256 * 1024 * 1024;
/** Deflate cannot do better than 1032:1; anything beyond is made to fill disks. */
const MAX_RATIO = 1100;
/** Bytes of a zstd frame of nothing, at most (RFC 8878: magic, header, block, checksum). */
const EMPTY_FRAME = 25;
/** Level 6 takes 1.4 s for 100 MB of programs on one core; higher levels gain two percent for twice the time. */
const LEVEL = 6;

/** What else there is (xz, bzip2) is for `foreign-compression.ts`. */
function detectCompression(head: Uint8Array): Compression {
  const name = compressionOf(head);
  return name === 'gzip' || name === 'zstd' ? name : 'none';
}

export interface Decompressed {
  readonly compression: Compression;
  readonly stream: AsyncIterable<Uint8Array>;
}

/** The plain stream, whatever it is compressed with. `onRaw` sees every chunk as it came. Throws `TarError` on damage and on bombs. */
export async function decompress(
  source: AsyncIterable<Uint8Array>,
  onRaw: (chunk: Uint8Array, compression: Compression) => void,
): Promise<Decompressed> {
  const { head, whole } = await peek(source, 4);
  const compression = detectCompression(head);
  let raw = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of whole) {
      raw += chunk.length;
      onRaw(chunk, compression);
      yield chunk;
    }
  }
  if (compression === 'none') return { compression, stream: counted() };
  const transform =
    compression === 'gzip'
      ? createGunzip({ chunkSize: 256 * 1024 })
      : createZstdDecompress({ chunkSize: 256 * 1024 });
  const input = Readable.from(counted(), { objectMode: false, highWaterMark: 256 * 1024 });
  input.on('error', (error) => transform.destroy(error));
  input.pipe(transform);
  return { compression, stream: bounded(transform, compression, () => raw) };
}

async function* bounded(
  stream: AsyncIterable<Uint8Array>,
  compression: Compression,
  raw: () => number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > FREE_BYTES && size > raw() * MAX_RATIO)
        throw new TarError(
          `the archive grows more than ${MAX_RATIO} times when unpacked: it is made to fill the disk`,
        );
      yield chunk;
    }
    // A zstd frame that is cut off gives what was whole, and no error; an empty one is shorter.
    if (compression === 'zstd' && size === 0 && raw() > EMPTY_FRAME)
      throw new TarError("the archive's compression is damaged: it is truncated");
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      typeof error.code === 'string' &&
      /^(Z_|ZSTD|ERR_ZLIB|ERR_ZSTD)/.test(error.code)
    ) {
      throw new TarError(`the archive's compression is damaged (${error.message})`);
    }
    throw error;
  }
}

/** Digest of what a stream is when uncompressed. */
export async function uncompressedDigest(source: AsyncIterable<Uint8Array>): Promise<Digest> {
  const { stream } = await decompress(source, () => undefined);
  const digester = new Digester();
  for await (const chunk of stream) digester.update(chunk);
  return digester.digest();
}

/** Writes to a file descriptor, digesting. */
export class DescriptorSink {
  readonly digester = new Digester();
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(chunk: Uint8Array): void {
    this.digester.update(chunk);
    for (let at = 0; at < chunk.length;) at += writeSync(this.#descriptor, chunk, at);
  }
}

/** Bytes that the compressor is given at once. */
const BLOCK = 256 * 1024;

/** Compresses what is written into a sink; slow compression slows the writer. */
export class GzipSink {
  readonly #gzip: Gzip = createGzip({ level: LEVEL, chunkSize: 256 * 1024 });
  readonly #done: Promise<void>;
  readonly #block = new Uint8Array(BLOCK);
  #filled = 0;

  constructor(sink: DescriptorSink) {
    this.#done = (async () => {
      for await (const chunk of this.#gzip) sink.write(chunk as Uint8Array);
    })();
    // A failure is reported by `write` or `end`; until then nobody listens.
    this.#done.catch(() => undefined);
  }

  /** The chunk is copied: its buffer may be used again. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === BLOCK) await this.#flush();
    }
  }

  /** In blocks of one size, however the data came: what the compressor makes of it depends on that too, and the same layer must give the same blob. */
  async #flush(): Promise<void> {
    const block = this.#block.slice(0, this.#filled);
    this.#filled = 0;
    if (this.#gzip.write(block)) return;
    const drained = once(this.#gzip, 'drain');
    // It fails too when the sink does; one of the two is told.
    drained.catch(() => undefined);
    await Promise.race([drained, this.#done]);
  }

  async end(): Promise<void> {
    if (this.#filled > 0) await this.#flush();
    this.#gzip.end();
    await this.#done;
  }
}
