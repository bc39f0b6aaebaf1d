import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The first `bytes` of a file that a guest writes as much to as it likes. Throws when it cannot be read. */
export function readHead(path: string, bytes: number): string {
  return readPart(path, () => 0, bytes);
}

/** The last `bytes` of such a file. */
export function readTail(path: string, bytes: number): string {
  return readPart(path, (size) => Math.max(0, size - bytes), bytes);
}

function readPart(path: string, startOf: (size: number) => number, bytes: number): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const count = readSync(file, buffer, 0, bytes, startOf(fstatSync(file).size));
    return buffer.toString('utf8', 0, count);
  } finally {
    closeSync(file);
  }
}
