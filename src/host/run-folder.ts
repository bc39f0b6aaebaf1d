import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NAMES_FOLDER, nameFilesIn } from '../model/instance-files.ts';
import type { Files, Mounts } from './host.ts';

/** Bytes of a run's name files in all: the instance may write to them, and they lie in the host's memory. */
const NAMES_LIMIT = 1 << 20;
const NAMES_MODE = 0o644;

/** The texts of an instance's own /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export interface NameTexts {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/**
 * Makes the folder of a run, with the name files on a tmpfs of their own: whoever fills that takes nothing from the other runs, whether a daemon runs
 * or not. Synchronous: it is on the way of every start, and takes a tenth of a millisecond.
 */
export function writeNameFiles(mounts: Mounts, runDir: string, texts: NameTexts): void {
  const folder = join(runDir, NAMES_FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A start that was cut short may have left its own.
  mounts.detach(folder);
  mounts.mount('hull-names', folder, 'tmpfs', `mode=700,size=${NAMES_LIMIT},nr_inodes=16`);
  const files = nameFilesIn(runDir);
  for (const name of ['hosts', 'hostname', 'resolvConf'] as const)
    writeFileSync(files[name], texts[name], { mode: NAMES_MODE });
}

/** Removes the folder of a run that is over. Fine when it is not there. */
export async function removeRunFolder(
  { files, mounts }: { readonly files: Files; readonly mounts: Mounts },
  runDir: string,
): Promise<void> {
  mounts.detach(join(runDir, NAMES_FOLDER));
  await files.removeTree(runDir);
}
