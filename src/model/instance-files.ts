import { join } from 'node:path';
import type { EngineIdentity } from './engine-identity.ts';

/** Sockets live below the run folder, and their paths are limited to 107 bytes. */
const SHORT_ID = 16;

export const runDirOf = (identity: EngineIdentity, id: string): string =>
  join(identity.runDir, 'i', id.slice(0, SHORT_ID));
export const logFolderOf = (identity: EngineIdentity, id: string): string =>
  join(identity.dataDir, 'logs', id);
export const logPathOf = (identity: EngineIdentity, id: string): string =>
  join(logFolderOf(identity, id), 'instance.log');

/** The files that a run has of its own, mounted over the image's. They last as long as the run. */
export function runFilesOf(
  identity: EngineIdentity,
  id: string,
): { readonly hosts: string; readonly hostname: string; readonly resolvConf: string } {
  const folder = runDirOf(identity, id);
  return {
    hosts: join(folder, 'hosts'),
    hostname: join(folder, 'hostname'),
    resolvConf: join(folder, 'resolv.conf'),
  };
}
