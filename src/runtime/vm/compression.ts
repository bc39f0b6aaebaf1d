import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Exec } from '../../host/host.ts';
import { HullError, messageOf } from '../../model/errors.ts';

interface Format {
  readonly name: CompressionName;
  /** The first bytes of a stream. */
  readonly magic: readonly number[];
  readonly unpack:
    ((data: Uint8Array) => Uint8Array) | { readonly command: readonly string[]; readonly package: string };
}

export type CompressionName = 'gzip' | 'xz' | 'lz4' | 'zstd' | 'bzip2' | 'lzma' | 'lzo';

/** Far more than any kernel or module has. */
const LIMIT = 1 << 30;

/** The compressions that distributions use for kernels and modules (kernel: scripts/extract-vmlinux). */
const FORMATS: readonly Format[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: (data) => gunzipSync(data, { maxOutputLength: LIMIT }) },
  {
    name: 'zstd',
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    unpack: (data) => zstdDecompressSync(data, { maxOutputLength: LIMIT }),
  },
  {
    name: 'xz',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    unpack: { command: ['xz', '-dc', '--single-stream'], package: 'xz-utils' },
  },
  { name: 'lz4', magic: [0x02, 0x21, 0x4c, 0x18], unpack: { command: ['lz4', '-dc'], package: 'lz4' } },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], unpack: { command: ['lz4', '-dc'], package: 'lz4' } },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], unpack: { command: ['bzip2', '-dc'], package: 'bzip2' } },
  {
    name: 'lzma',
    magic: [0x5d, 0x00, 0x00],
    unpack: { command: ['xz', '--format=lzma', '-dc'], package: 'xz-utils' },
  },
  { name: 'lzo', magic: [0x89, 0x4c, 0x5a, 0x4f], unpack: { command: ['lzop', '-dc'], package: 'lzop' } },
];

/** Null when the bytes begin like nothing known: they are not compressed. */
export function compressionOf(data: Uint8Array): CompressionName | null {
  return find(data)?.name ?? null;
}

/**
 * Decompresses; data that is not compressed comes back as it is. A tool that stumbles over what follows the stream has written the stream by
 * then: callers check what they get. `folder` holds temporary files. Rejects `command-failed`, `host-tool-missing`.
 */
export async function decompress(data: Uint8Array, exec: Exec, folder: string): Promise<Uint8Array> {
  const format = find(data);
  if (format === undefined) return data;
  if (typeof format.unpack === 'object') return await runTool(format.unpack, data, exec, folder);
  try {
    return format.unpack(data);
  } catch (error) {
    throw new HullError('command-failed', `cannot decompress ${format.name} data: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function find(data: Uint8Array): Format | undefined {
  return FORMATS.find((format) => format.magic.every((byte, index) => data[index] === byte));
}

async function runTool(
  tool: { readonly command: readonly string[]; readonly package: string },
  data: Uint8Array,
  exec: Exec,
  parent: string,
): Promise<Uint8Array> {
  const [program = ''] = tool.command;
  if (exec.which(program) === null) {
    throw new HullError(
      'host-tool-missing',
      `the program ${program} is needed to decompress the guest kernel; install it with: apt-get install ${tool.package}`,
    );
  }
  const folder = mkdtempSync(`${parent}/unpack-`);
  try {
    writeFileSync(`${folder}/in`, data);
    const input = openSync(`${folder}/in`, 'r');
    const output = openSync(`${folder}/out`, 'w');
    try {
      await exec.spawn(tool.command, { stdin: input, stdout: output }).exited;
    } finally {
      closeSync(input);
      closeSync(output);
    }
    return readFileSync(`${folder}/out`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
