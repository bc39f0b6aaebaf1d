import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Digester } from '../../lib/digest.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Descriptor } from '../../model/image.ts';
import type { ImageSource } from './endpoints.ts';

export interface DownloadOptions {
  /** Bytes that are there. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** How often a connection that broke off is taken up again without a byte gained in between. */
  readonly attempts?: number;
  /** Milliseconds before the first new attempt; doubled for each further one. */
  readonly pause?: number;
}

/** A server that breaks off after every few bytes is given up in the end. */
const MOST_CONNECTIONS = 50;

/**
 * Fetches a blob into a new file and verifies its digest; goes on from where a broken connection ended. Rejects `blob-corrupt` for other bytes than the
 * descriptor's, as soon as that is seen. The file stays for the caller to remove.
 */
export async function download(
  source: Pick<ImageSource, 'blob'>,
  descriptor: Descriptor,
  path: string,
  options: DownloadOptions = {},
): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    const digester = await fetchAll(source, descriptor, file, options);
    if (digester.size !== descriptor.size)
      throw corrupt(descriptor, `it has ${digester.size} bytes instead of ${descriptor.size}`);
    const found = digester.digest();
    if (found !== descriptor.digest) throw corrupt(descriptor, `its digest is ${found}`);
  } finally {
    await file.close();
  }
}

async function fetchAll(
  source: Pick<ImageSource, 'blob'>,
  descriptor: Descriptor,
  file: FileHandle,
  { attempts = 5, pause = 500, signal, onProgress }: DownloadOptions,
): Promise<Digester> {
  const digester = new Digester();
  for (let failures = 0, connections = 1; ; connections++) {
    const before = digester.size;
    try {
      for await (const chunk of await source.blob(descriptor, digester.size)) {
        signal?.throwIfAborted();
        if (digester.size + chunk.length > descriptor.size)
          throw corrupt(descriptor, 'it is longer than it should be');
        await writeAll(file, chunk);
        digester.update(chunk);
        onProgress?.(digester.size);
      }
      return digester;
    } catch (error) {
      signal?.throwIfAborted();
      failures = digester.size > before ? 1 : failures + 1;
      if (
        failures >= attempts ||
        connections >= MOST_CONNECTIONS ||
        !isHullError(error, 'registry-unreachable')
      )
        throw error;
      await sleep(pause * 2 ** (failures - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}

function corrupt({ digest }: Descriptor, why: string): HullError {
  return new HullError('blob-corrupt', `filesystem layer verification failed for digest ${digest}: ${why}`);
}
