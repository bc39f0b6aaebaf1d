import { messageOf } from '../../model/errors.ts';
import type { VolumeProblem, VolumeStore } from '../../storage/volumes/volume-store.ts';
import type { CheckFinding } from '../api.ts';

/** Volumes and folders that do not go together. Nothing of a volume is ever removed: a folder without a record is recorded again. */
export async function examineVolumes(
  volumes: Pick<VolumeStore, 'problems'>,
  repair: boolean,
): Promise<readonly CheckFinding[]> {
  return await Promise.all(volumes.problems().map((problem) => finding(problem, repair)));
}

async function finding({ kind, what, repair }: VolumeProblem, wanted: boolean): Promise<CheckFinding> {
  const base = {
    problem: kind === 'folder-lost' ? 'missing' : 'leak',
    kind: 'volume',
    what,
    owner: null,
  } as const;
  if (kind === 'folder-lost')
    return {
      ...base,
      repaired: false,
      note: `its folder is gone; remove the volume: hull volume rm ${what}`,
    };
  const note = 'a folder that no volume accounts for';
  if (repair === null)
    return { ...base, repaired: false, note: `${note}, and its name is taken: move it away` };
  if (!wanted) return { ...base, repaired: false, note: `${note}; hull check --repair makes a volume of it` };
  try {
    await repair();
    return { ...base, repaired: true, note: 'it is a volume again' };
  } catch (error) {
    return { ...base, repaired: false, note: `${note}, and it cannot be made one: ${messageOf(error)}` };
  }
}
