import { mkdir, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { MountRequest } from '../api.ts';
import type { MountVolumes } from '../volumes/for-mounts.ts';
import type { VolumeHold } from '../volumes/uses.ts';

/** Turns what was asked for into mounts of host folders: makes volumes, the image's own ones too, and fills new ones from the image. */
export class MountResolver {
  readonly #volumes: MountVolumes;

  constructor(volumes: MountVolumes) {
    this.#volumes = volumes;
  }

  /** `hold` keeps the volumes until the instance is recorded. */
  async resolve(
    requests: readonly MountRequest[],
    image: Image | null,
    hold: VolumeHold,
  ): Promise<InstanceMount[]> {
    const asked = requests.map((request) => ({ ...request, target: normalize(request.target) }));
    const targets = new Set<string>();
    for (const { target } of asked) {
      if (targets.has(target)) throw new HullError('invalid-argument', `Duplicate mount point: ${target}`);
      targets.add(target);
    }
    const own = Object.keys(image?.config.config?.Volumes ?? {})
      .map(normalize)
      .filter((target) => !targets.has(target))
      .map((target): MountRequest => ({ type: 'volume', source: '', target, readOnly: false }));
    const mounts: InstanceMount[] = [];
    for (const request of [...asked, ...own]) mounts.push(await this.#one(request, image, hold));
    return mounts;
  }

  async #one(request: MountRequest, image: Image | null, hold: VolumeHold): Promise<InstanceMount> {
    const { type, target, readOnly } = request;
    const options = request.options ?? [];
    switch (type) {
      case 'tmpfs':
        return { type, source: '', target, readOnly, options };
      case 'bind':
        return {
          ...{ type, source: await bindSource(request), target, readOnly, options },
          ...(request.mode === undefined ? {} : { mode: request.mode }),
        };
      case 'volume': {
        const mount = await this.#volumes.mountOf(request, image, hold);
        // Docker's word for a named volume of its own driver.
        return request.source !== '' && (mount.mode ?? '') === '' ? { ...mount, mode: 'z' } : mount;
      }
    }
  }
}

async function bindSource(request: MountRequest): Promise<string> {
  const source = posix.normalize(request.source);
  if (!source.startsWith('/')) {
    throw new HullError(
      'invalid-argument',
      `the bind mount source '${request.source}' must be an absolute path`,
    );
  }
  const exists = await stat(source).then(
    () => true,
    () => false,
  );
  if (exists) return source;
  if (request.createSource !== true) {
    throw new HullError(
      'invalid-argument',
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  }
  await mkdir(source, { recursive: true });
  return source;
}

function normalize(target: string): string {
  const path = posix.normalize(target).replace(/(?<=.)\/$/, '');
  if (path.startsWith('/') && path !== '/') return path;
  throw new HullError(
    'invalid-argument',
    `the mount target '${target}' must be an absolute path other than /`,
  );
}
