import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command that runs this program again: the compiled executable, or Bun with the entry when run from source. */
export function selfCommand(): readonly string[] {
  if (!/^bun(\.exe)?$/.test(basename(process.execPath))) return [process.execPath];
  return [process.execPath, fileURLToPath(new URL('../main/hull.ts', import.meta.url))];
}
