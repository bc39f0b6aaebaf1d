import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { STEP_ID_PREFIX } from '../../build/runtime-step-runner.ts';
import type { Host } from '../../host/host.ts';
import { removeRunFolder } from '../../host/run-folder.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { NAMES_FOLDER, runsFolder } from '../../model/instance-files.ts';
import type { Leftover } from '../../model/leftover.ts';

/** Folders of runs, `RUN/i/NAME` with the beginning of the instance's id as name; the build's own are its own to list. */
export function runFolders(
  host: Pick<Host, 'files' | 'mounts'>,
  identity: EngineIdentity,
): readonly Leftover[] {
  const folder = runsFolder(identity);
  return namesIn(folder)
    .filter((name) => !name.startsWith(STEP_ID_PREFIX))
    .map((name) => {
      const what = join(folder, name);
      return { kind: 'folder', what, owner: name, remove: () => remove(host, what) };
    });
}

/** Nothing is deleted through a mount: a folder of the host's may be shared there. */
async function remove(host: Pick<Host, 'files' | 'mounts'>, path: string): Promise<void> {
  const own = join(path, NAMES_FOLDER);
  const other = host.mounts.list().find(({ target }) => target.startsWith(`${path}/`) && target !== own);
  if (other !== undefined) throw new Error(`${other.target} is mounted`);
  await removeRunFolder(host, path);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No folder yet: nothing ever ran.
    return [];
  }
}
