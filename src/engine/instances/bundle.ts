import { join } from 'node:path';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { logFolderOf, logPathOf, runDirOf, nameFilesOf } from '../../model/instance-files.ts';
import type { RootFilesystem } from '../../model/root-filesystem.ts';
import type { NetworkLease } from '../../network/network.ts';
import type { Bundle, FilesBundle, LogTarget } from '../../runtime/runtime.ts';
import { logBounds } from './settle-options.ts';

/** Bytes of one log file; with the rotated ones an instance's log takes three times as much at most. */
const LOG_HARD_LIMIT = 10 * 1024 * 1024;
const UNREAD_LIMIT = 64 * 1024;
export { logFolderOf, logPathOf, runDirOf };

/** The bundle of a run. Pure: the same facts give the same bundle after a restart of the daemon. */
export function bundleOf(
  identity: EngineIdentity,
  config: InstanceConfig,
  root: RootFilesystem,
  lease: NetworkLease,
): Bundle {
  const runDir = runDirOf(identity, config.id);
  return {
    id: config.id,
    name: config.name,
    hostname: config.hostname,
    domainname: config.domainname,
    process: config.process,
    openStdin: config.openStdin,
    // A terminal's client may leave and come back.
    stdinOnce: config.stdinOnce && !config.process.tty,
    root,
    mounts: config.mounts,
    // Who joins another instance's network has its names too.
    files: nameFilesOf(identity, config.joins ?? config.id),
    network: lease.bundle,
    resources: config.resources,
    readOnlyRoot: config.readOnlyRoot,
    init: config.init,
    privileged: config.privileged,
    capAdd: config.capAdd,
    capDrop: config.capDrop,
    options: config.options,
    runDir,
    log: logTargetOf(identity, config),
  };
}

/** Of an instance that does not run. A folder of its own, so that nothing of it is taken for a run's. */
export function filesBundleOf(
  identity: EngineIdentity,
  { id, name, mounts, readOnlyRoot }: InstanceConfig,
  root: RootFilesystem,
): FilesBundle {
  return { id, name, root, mounts, readOnlyRoot, runDir: join(runDirOf(identity, id), 'files') };
}

/** What nobody will read is kept beside the run, as little of it as a monitor needs. */
function logTargetOf(identity: EngineIdentity, { id, options }: InstanceConfig): LogTarget {
  if (options.log?.driver === 'none')
    return { path: join(runDirOf(identity, id), 'log'), hardLimit: UNREAD_LIMIT, files: 1 };
  const { size = LOG_HARD_LIMIT, files } = options.log === undefined ? {} : logBounds(options.log);
  return { path: logPathOf(identity, id), hardLimit: size, ...(files === undefined ? {} : { files }) };
}
