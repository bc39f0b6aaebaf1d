import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isHullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { RootStorage } from '../../storage/storage.ts';
import type { Volume, VolumeStore } from '../../storage/volumes/volume-store.ts';
import type { MountRequest } from '../api.ts';
import { openSubpath } from './subpath.ts';
import type { VolumeHold, VolumeUses } from './uses.ts';
import { ANONYMOUS_LABEL, checkVolumeDriver } from './volumes.ts';

export interface MountVolumesParts {
  readonly volumes: VolumeStore;
  readonly uses: VolumeUses;
  readonly roots: Pick<RootStorage, 'withReadOnlyLayers'>;
}

/** The volumes that an instance's mounts ask for: made where absent, and filled from its image where empty, as Docker's copy-up. */
export class MountVolumes {
  readonly #parts: MountVolumesParts;

  constructor(parts: MountVolumesParts) {
    this.#parts = parts;
  }

  /** `image` null: nothing to fill it from. `hold` keeps the volume until the instance is recorded. */
  async mountOf(request: MountRequest, image: Image | null, hold: VolumeHold): Promise<InstanceMount> {
    const { target, readOnly, options = [], subpath, mode } = request;
    const volume = await this.#ensure(request);
    hold.add(volume);
    if (image !== null && request.noCopy !== true) await this.#fill(volume, request, image);
    return {
      ...{ type: 'volume', source: volume.path, target, readOnly, volume: volume.name, options },
      ...(subpath === undefined ? {} : { subpath }),
      ...(mode === undefined ? {} : { mode }),
    };
  }

  #ensure({ source, volume }: MountRequest): Promise<Volume> {
    const anonymous = source === '';
    const name = anonymous ? randomBytes(32).toString('hex') : source;
    checkVolumeDriver(name, volume?.driver);
    const labels = { ...volume?.labels, ...(anonymous ? { [ANONYMOUS_LABEL]: '' } : {}) };
    const { options } = volume ?? {};
    return this.#parts.volumes.ensure(name, labels, {
      anonymous,
      ...(options === undefined ? {} : { options }),
    });
  }

  async #fill(volume: Volume, { target, subpath }: MountRequest, image: Image): Promise<void> {
    const { uses, roots, volumes } = this.#parts;
    const plain = Object.keys(volume.options).length === 0;
    if (plain && subpath === undefined && (await readdir(volume.path)).length > 0) return;
    await uses.during(volume, (live) =>
      roots.withReadOnlyLayers(image.layers, (root) =>
        withFolder(volume, subpath, async (folder) => {
          await volumes.populate(folder, { root, path: target }, { live });
        }),
      ),
    );
  }
}

/** A sub-path that is not there yet is nobody's fault before the start. */
async function withFolder(
  volume: Volume,
  subpath: string | undefined,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  if (subpath === undefined) return use(volume.path);
  let descriptor: number;
  try {
    descriptor = openSubpath(volume, subpath);
  } catch (error) {
    if (isHullError(error, 'path-not-found')) return;
    throw error;
  }
  try {
    if (fstatSync(descriptor).isDirectory()) await use(`/proc/${process.pid}/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}
