import { join } from 'node:path';
import type { EngineIdentity } from './engine-identity.ts';

/** Sockets live below the run folder, and their paths are limited to 107 bytes. */
const SHORT_ID = 16;

/** Where all runs have their folders, and all instances their logs. */
export const runsFolder = ({ runDir }: EngineIdentity): string => join(runDir, 'i');
export const logsFolder = ({ dataDir }: EngineIdentity): string => join(dataDir, 'logs');
export const runDirOf = (identity: EngineIdentity, id: string): string =>
  join(runsFolder(identity), id.slice(0, SHORT_ID));
export const logFolderOf = (identity: EngineIdentity, id: string): string => join(logsFolder(identity), id);
export const logPathOf = (identity: EngineIdentity, id: string): string =>
  join(logFolderOf(identity, id), 'instance.log');

/** Where a run's name files lie, below its folder: a mount of their own. */
export const NAMES_FOLDER = 'names';

/** The files that a run has of its own, mounted over the image's. They last as long as the run. */
export function nameFilesIn(runDir: string): {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
} {
  const folder = join(runDir, NAMES_FOLDER);
  return {
    hosts: join(folder, 'hosts'),
    hostname: join(folder, 'hostname'),
    resolvConf: join(folder, 'resolv.conf'),
  };
}

export const nameFilesOf = (identity: EngineIdentity, id: string): ReturnType<typeof nameFilesIn> =>
  nameFilesIn(runDirOf(identity, id));
