import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceConfig, InstanceMount } from '../../model/instance.ts';
import type { Leftover } from '../../model/leftover.ts';
import type { Volume, VolumeStore } from '../../storage/volumes/volume-store.ts';
import type { EventBus } from '../events.ts';
import { DRIVER } from './announced.ts';
import { openSubpath } from './subpath.ts';

export interface VolumeUsesParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly volumes: VolumeStore;
  readonly events: Pick<EventBus, 'publish'>;
}

/** Mounts for somebody who looks at files; `release` once. */
export interface BorrowedMounts {
  readonly mounts: readonly InstanceMount[];
  readonly release: () => Promise<void>;
}

/** Dispose it when the record is written. */
export interface VolumeHold extends Disposable {
  add(volume: Volume): void;
}

/** One user of a volume while it is mounted: an instance that runs. */
interface User {
  readonly writes: boolean;
}

/**
 * Who uses which volume now. A volume with driver options is mounted for its first user and unmounted after the last; a sub-path is found
 * inside its volume once, by descriptor, and pinned at `RUN/volumes/ID/N` for the length of the run.
 */
export class VolumeUses {
  readonly #parts: VolumeUsesParts;
  readonly #folder: string;
  /** By the volume's path, which survives a change of its name. */
  readonly #users = new Map<string, Map<string, User>>();
  /** Who looks at files: no instance accounts for their mounts. */
  readonly #borrowers = new Set<string>();
  /** How many want it to stay, by path. */
  readonly #held = new Map<string, number>();
  readonly #lock = new KeyedLock();

  constructor(parts: VolumeUsesParts) {
    this.#parts = parts;
    this.#folder = join(parts.identity.runDir, 'volumes');
  }

  /** Ids of those who have the volume mounted now; `writing`: of those who may write. */
  now(volume: Volume, { writing = false } = {}): readonly string[] {
    const users = [...(this.#users.get(volume.path) ?? [])];
    return users.filter(([, user]) => user.writes || !writing).map(([id]) => id);
  }

  /** Waits until nobody uses the volume, `milliseconds` at most. */
  async idle(volume: Volume, milliseconds: number): Promise<boolean> {
    for (const deadline = Date.now() + milliseconds; this.#users.has(volume.path); await sleep(10))
      if (Date.now() > deadline) return false;
    return true;
  }

  /** Runs `work` while nobody new can begin to use the volume. */
  alone<T>(volume: Volume, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(volume.path, work);
  }

  /** Runs `work` while the volume is mounted for it and nobody new can begin to use it; tells it whether somebody does already. */
  during<T>(volume: Volume, work: (live: boolean) => Promise<T>): Promise<T> {
    const { volumes } = this.#parts;
    return this.alone(volume, async () => {
      await volumes.mount(volume);
      try {
        return await work(this.#users.has(volume.path));
      } finally {
        if (!this.#users.has(volume.path)) await volumes.unmount(volume);
      }
    });
  }

  /** An instance is about to run: returns its mounts as the runtime is to make them. `release` undoes it, after a failure too. */
  acquire(config: InstanceConfig): Promise<readonly InstanceMount[]> {
    return this.#mounts(config.id, config.mounts, (volume, mount) =>
      this.#parts.events.publish('volume', 'mount', volume.name, {
        driver: DRIVER,
        container: config.id,
        destination: mount.target,
        'read/write': String(!mount.readOnly),
        propagation: '',
      }),
    );
  }

  /** The same for somebody who looks at the files of an instance, whether it runs or not. */
  async borrow(config: InstanceConfig): Promise<BorrowedMounts> {
    const borrower = `files-${randomBytes(6).toString('hex')}`;
    const release = async (): Promise<void> => {
      await this.#unpin(borrower);
      for (const { volume } of config.mounts) {
        const found = volume === undefined ? null : this.#parts.volumes.find(volume);
        if (found !== null) await this.#give(found, borrower);
      }
      this.#borrowers.delete(borrower);
    };
    this.#borrowers.add(borrower);
    try {
      return { mounts: await this.#mounts(borrower, config.mounts), release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** An instance that runs already, since before this daemon: as `acquire` left it. */
  adopt(config: InstanceConfig): readonly InstanceMount[] {
    return config.mounts.map((mount, index) => {
      const volume = mount.volume === undefined ? null : this.#parts.volumes.find(mount.volume);
      if (volume === null) return mount;
      this.#add(volume, config.id, !mount.readOnly);
      return { ...mount, source: mount.subpath === undefined ? volume.path : this.#pinOf(config.id, index) };
    });
  }

  /** The run is over, whatever its configuration says by now. Fine twice. Rejects with the first that could not be unmounted. */
  async release({ id }: Pick<InstanceConfig, 'id'>): Promise<void> {
    await this.#unpin(id);
    for (const path of [...this.#users.keys()]) {
      const volume = this.#users.get(path)?.has(id) === true ? this.#atPath(path) : null;
      if (volume === null) continue;
      await this.#give(volume, id);
      this.#parts.events.publish('volume', 'unmount', volume.name, { driver: DRIVER, container: id });
    }
  }

  /** Keeps volumes from being removed before the record of the instance that is to mount them is written. */
  hold(): VolumeHold {
    const mine = new Set<string>();
    return {
      add: ({ path }) => {
        if (mine.has(path)) return;
        mine.add(path);
        this.#held.set(path, (this.#held.get(path) ?? 0) + 1);
      },
      [Symbol.dispose]: () => {
        for (const path of mine) {
          const left = (this.#held.get(path) ?? 0) - 1;
          if (left > 0) this.#held.set(path, left);
          else this.#held.delete(path);
        }
      },
    };
  }

  isHeld(volume: Volume): boolean {
    return this.#held.has(volume.path);
  }

  /** Mounts that no known user accounts for. */
  inventory(): readonly Leftover[] {
    const { volumes, host } = this.#parts;
    const mounted = new Set(host.mounts.list().map((entry) => entry.target));
    const idle = volumes
      .list()
      .filter(
        (volume) =>
          mounted.has(volume.path) && this.now(volume).length === 0 && !this.#lock.busy(volume.path),
      )
      .map((volume): Leftover => ({
        kind: 'mount',
        what: volume.path,
        owner: null,
        remove: () => volumes.unmount(volume),
      }));
    const pinned = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    const unaccounted = pinned.filter((id) => !this.#borrowers.has(id));
    const pins = unaccounted.map((id): Leftover => ({
      kind: 'mount',
      what: join(this.#folder, id),
      owner: id,
      remove: () => this.#unpin(id),
    }));
    return [...idle, ...pins];
  }

  async #mounts(
    user: string,
    asked: readonly InstanceMount[],
    onMount: (volume: Volume, mount: InstanceMount) => void = () => undefined,
  ): Promise<readonly InstanceMount[]> {
    const mounts: InstanceMount[] = [];
    for (const [index, mount] of asked.entries()) {
      const volume = this.#volumeOf(mount);
      if (volume === null) {
        mounts.push(mount);
        continue;
      }
      await this.#take(volume, user, !mount.readOnly);
      const { subpath } = mount;
      const source = subpath === undefined ? volume.path : this.#pin(user, index, volume, subpath);
      mounts.push({ ...mount, source });
      onMount(volume, mount);
    }
    return mounts;
  }

  /** By its path, which survives a change of its name. */
  #atPath(path: string): Volume | null {
    return this.#parts.volumes.list().find((volume) => volume.path === path) ?? null;
  }

  #volumeOf(mount: InstanceMount): Volume | null {
    if (mount.volume === undefined) return null;
    const volume = this.#parts.volumes.find(mount.volume);
    if (volume !== null) return volume;
    throw new HullError('volume-not-found', `get ${mount.volume}: no such volume`);
  }

  async #take(volume: Volume, user: string, writes: boolean): Promise<void> {
    const mounting = Object.keys(volume.options).length > 0;
    // Nothing to wait for: this is on the way of every start.
    if (!mounting && !this.#lock.busy(volume.path)) return this.#add(volume, user, writes);
    await this.#lock.run(volume.path, async () => {
      if (mounting) await this.#parts.volumes.mount(volume);
      this.#add(volume, user, writes);
    });
  }

  #add(volume: Volume, user: string, writes: boolean): void {
    const users = this.#users.get(volume.path) ?? new Map<string, User>();
    users.set(user, { writes: writes || users.get(user)?.writes === true });
    this.#users.set(volume.path, users);
  }

  /** False when the user did not use it. */
  async #give(volume: Volume, user: string): Promise<boolean> {
    const users = this.#users.get(volume.path);
    if (users?.delete(user) !== true) return false;
    if (users.size > 0) return true;
    this.#users.delete(volume.path);
    if (Object.keys(volume.options).length > 0) {
      await this.#lock.run(volume.path, async () => {
        if (!this.#users.has(volume.path)) await this.#parts.volumes.unmount(volume);
      });
    }
    return true;
  }

  #pinOf(id: string, index: number): string {
    return join(this.#folder, id, String(index));
  }

  #pin(id: string, index: number, volume: Volume, subpath: string): string {
    const { host } = this.#parts;
    const descriptor = openSubpath(volume, subpath);
    try {
      const place = `/proc/self/fd/${descriptor}`;
      const target = this.#pinOf(id, index);
      mkdirSync(join(this.#folder, id), { recursive: true, mode: 0o700 });
      if (statSync(place).isDirectory()) mkdirSync(target, { mode: 0o700 });
      else writeFileSync(target, '');
      host.mounts.bind(place, target, { recursive: true });
      return target;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Never removes what is not an empty stand-in: the user's data is behind the mount. */
  async #unpin(id: string): Promise<void> {
    const folder = join(this.#folder, id);
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      const target = join(folder, name);
      await this.#parts.host.mounts.unmount(target);
      if (statSync(target).isDirectory()) rmdirSync(target);
      else if (statSync(target).size === 0) rmSync(target);
    }
    rmdirSync(folder);
  }
}
