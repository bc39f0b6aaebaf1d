import { isHullError } from '../../model/errors.ts';
import type { VolumeStore } from '../../storage/volumes/volume-store.ts';

/** Removes a volume that went with its instance; one that another has removed meanwhile, or that has snapshots, is no failure. */
export async function removeUnlessKept(volumes: Pick<VolumeStore, 'remove'>, name: string): Promise<void> {
  try {
    await volumes.remove(name);
  } catch (error) {
    if (!isHullError(error, 'volume-not-found') && !isHullError(error, 'volume-in-use')) throw error;
  }
}
