/** How a stream may be compressed: what layers come in, and what distributions use for kernels and modules. */
export type CompressionName = 'gzip' | 'xz' | 'lz4' | 'zstd' | 'bzip2' | 'lzma' | 'lzo';

/** The first bytes of each (RFC 1952; RFC 8878; kernel: scripts/extract-vmlinux). */
const MAGICS: readonly (readonly [CompressionName, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['lzo', [0x89, 0x4c, 0x5a, 0x4f]],
];

/** Null when the bytes begin like nothing known: they are not compressed. */
export function compressionOf(data: Uint8Array): CompressionName | null {
  const [a = 0, b, c, d] = data;
  // A zstd stream may begin with a skippable frame (RFC 8878, section 3.1.2).
  if ((a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd';
  return MAGICS.find(([, magic]) => magic.every((byte, index) => data[index] === byte))?.[0] ?? null;
}
