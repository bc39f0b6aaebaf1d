import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { Exec } from '../../host/host.ts';
import { compressionOf, type CompressionName } from '../../lib/compression-formats.ts';
import { HullError, messageOf } from '../../model/errors.ts';

interface Tool {
  readonly command: readonly string[];
  readonly package: string;
}

/** Far more than any kernel or module has. */
const LIMIT = 1 << 30;

const inflate = promisify(gunzip);
const inflateZstd = promisify(zstdDecompress);

/** Not on this thread: a machine's kernel is its image's. */
const OWN: Partial<Record<CompressionName, (data: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: (data) => inflate(data, { maxOutputLength: LIMIT }),
  zstd: (data) => inflateZstd(data, { maxOutputLength: LIMIT }),
};

/** What the runtime does not know. */
const TOOLS: Partial<Record<CompressionName, Tool>> = {
  xz: { command: ['xz', '-dc', '--single-stream'], package: 'xz-utils' },
  lz4: { command: ['lz4', '-dc'], package: 'lz4' },
  bzip2: { command: ['bzip2', '-dc'], package: 'bzip2' },
  lzma: { command: ['xz', '--format=lzma', '-dc'], package: 'xz-utils' },
  lzo: { command: ['lzop', '-dc'], package: 'lzop' },
};

/**
 * Decompresses; data that is not compressed comes back as it is. A tool that stumbles over what follows the stream has written the stream by
 * then: callers check what they get. `folder` holds temporary files. Rejects `command-failed`, `host-tool-missing`.
 */
export async function decompress(data: Uint8Array, exec: Exec, folder: string): Promise<Uint8Array> {
  const name = compressionOf(data);
  if (name === null) return data;
  const tool = TOOLS[name];
  if (tool !== undefined) return await runTool(tool, data, exec, folder);
  try {
    return (await OWN[name]?.(data)) ?? data;
  } catch (error) {
    throw new HullError('command-failed', `cannot decompress ${name} data: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function runTool(tool: Tool, data: Uint8Array, exec: Exec, parent: string): Promise<Uint8Array> {
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
