import type { CliIo } from '../io.ts';
import { UsageError } from '../usage-error.ts';

/** `-e NAME=value`, `-e NAME` (the value of this process's, left out when unset) and `--env-file` lines, files first. */
export function environment(io: CliIo, files: readonly string[], given: readonly string[]): string[] {
  return [...files.flatMap((file) => pairsOfFile(io, file)), ...given].flatMap((pair) => {
    if (pair === '' || pair.startsWith('='))
      throw new UsageError(`invalid environment variable: ${JSON.stringify(pair)}`);
    if (pair.includes('=')) return [pair];
    const value = io.env[pair];
    return value === undefined ? [] : [`${pair}=${value}`];
  });
}

/** `name=value` pairs as an object; a name alone means empty. */
export function pairs(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** The lines of a file with `NAME=value` each: `#` comments and empty lines left out, nothing unquoted (as docker's). */
export function pairsOfFile(io: CliIo, path: string): string[] {
  const lines = readLines(io, path);
  return lines.flatMap((line, at) => {
    const text = line.trimStart();
    if (text === '' || text.startsWith('#')) return [];
    const name = text.split('=', 1)[0] ?? '';
    if (/\s/.test(name))
      throw new UsageError(`${path}, line ${at + 1}: the variable '${name}' contains white space`);
    return [text];
  });
}

function readLines(io: CliIo, path: string): string[] {
  try {
    return io
      .readFile(path)
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** Node's words without its code and call: `no such file or directory`. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^E[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
