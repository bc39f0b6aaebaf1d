import { closeSync, constants, readdirSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Host } from '../../host/host.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { RootStorage, VolumeStore } from '../../storage/storage.ts';
import type { MountRequest } from '../api.ts';

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Turns what was asked for into mounts of host folders: makes volumes, the image's own ones too, and fills new ones from the image. */
export class MountResolver {
  readonly #host: Host;
  readonly #volumes: VolumeStore;
  readonly #roots: Pick<RootStorage, 'withReadOnlyLayers'>;

  constructor(host: Host, volumes: VolumeStore, roots: Pick<RootStorage, 'withReadOnlyLayers'>) {
    this.#host = host;
    this.#volumes = volumes;
    this.#roots = roots;
  }

  async resolve(requests: readonly MountRequest[], image: Image | null): Promise<InstanceMount[]> {
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
    for (const request of [...asked, ...own]) mounts.push(await this.#one(request, image));
    return mounts;
  }

  async #one(request: MountRequest, image: Image | null): Promise<InstanceMount> {
    const { type, target, readOnly } = request;
    const options = request.options ?? [];
    switch (type) {
      case 'tmpfs':
        return { type, source: '', target, readOnly, options };
      case 'bind':
        return { type, source: await bindSource(request), target, readOnly, options };
      case 'volume': {
        const name = request.source === '' ? randomBytes(32).toString('hex') : request.source;
        if (!VOLUME_NAME.test(name)) {
          throw new HullError(
            'invalid-argument',
            `'${name}' is not a volume name, and a folder of the host needs an absolute path`,
          );
        }
        const volume = await this.#volumes.ensure(name, undefined, { anonymous: request.source === '' });
        if (image !== null) await this.#fill(volume.path, target, image);
        return { type, source: volume.path, target, readOnly, volume: name, options };
      }
    }
  }

  /** An empty volume takes over what the image has at its place, as Docker's does. */
  async #fill(folder: string, target: string, image: Image): Promise<void> {
    if ((await readdir(folder)).length > 0) return;
    await this.#roots.withReadOnlyLayers(image.layers, async (root) => {
      const descriptor = this.#openFolder(root, target);
      if (descriptor === null) return;
      try {
        if (readdirSync(`/proc/self/fd/${descriptor}`).length === 0) return;
        const copy = this.#host.exec.spawn(['cp', '-a', '--', '/proc/self/fd/3/.', folder], {
          extraFds: [descriptor],
        });
        if ((await copy.exited) !== 0)
          throw new HullError('command-failed', `cannot copy the image's ${target} into its volume`);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  #openFolder(root: string, target: string): number | null {
    try {
      return this.#host.files.openInRoot(root, target, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      if (
        isHullError(error, 'path-not-found') ||
        (error instanceof Error && 'code' in error && error.code === 'ENOTDIR')
      )
        return null;
      throw error;
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
    throw new HullError('invalid-argument', `bind source path does not exist: ${source}`);
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
