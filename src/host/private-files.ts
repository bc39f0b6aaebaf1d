import { chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Makes a folder that is its owner's alone, as well as one that is there already and was not. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  chmodSync(path, FOLDER_MODE);
}

/** The same for a file, which is made empty where there is none. Its `companions` (paths) are left absent where they are. */
export function makePrivateFile(path: string, companions: readonly string[] = []): void {
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE));
  for (const one of [path, ...companions.filter((companion) => existsSync(companion))])
    chmodSync(one, FILE_MODE);
}
