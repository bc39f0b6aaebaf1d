import { closeSync, createReadStream, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../model/errors.ts';
import type { CliIo } from '../io.ts';
import { CommandFailure } from '../usage-error.ts';

/** A file's bytes. Throws `CommandFailure` where there is none. */
export function readStream(io: CliIo, path: string): AsyncIterable<Uint8Array> {
  const full = resolve(io.cwd, path);
  if (statSync(full, { throwIfNoEntry: false })?.isDirectory() !== false)
    throw new CommandFailure(
      1,
      `open ${path}: ${statSync(full, { throwIfNoEntry: false }) === undefined ? 'no such file or directory' : 'it is a folder'}`,
    );
  return createReadStream(full, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
}

/** Writes a stream to a file that appears when it is complete, or to standard output, which must not be a terminal. */
export async function writeStream(
  io: CliIo,
  stream: AsyncIterable<Uint8Array>,
  path: string | undefined,
): Promise<void> {
  if (path === undefined) {
    for await (const chunk of stream) io.out(chunk);
    return;
  }
  const full = resolve(io.cwd, path);
  const isPlain = statSync(full, { throwIfNoEntry: false })?.isFile() !== false;
  const target = isPlain ? `${full}.${process.pid}.part` : full;
  try {
    const descriptor = openSync(target, 'w', 0o600);
    try {
      for await (const chunk of stream)
        for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
    } finally {
      closeSync(descriptor);
    }
    if (isPlain) renameSync(target, full);
  } catch (error) {
    if (isPlain) rmSync(target, { force: true });
    throw error instanceof Error && 'code' in error
      ? new CommandFailure(1, `cannot write ${path}: ${messageOf(error)}`)
      : error;
  }
}
