import { readdirSync } from 'node:fs';

/** Names of the folders in a folder; none when it cannot be read, for it may be gone by now. */
export function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
