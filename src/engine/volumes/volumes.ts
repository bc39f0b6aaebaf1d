import { randomBytes } from 'node:crypto';
import { HullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { TreeSizes } from '../../storage/tree-sizes.ts';
import type { CopyVolume, VolumeStore } from '../../storage/volumes/volume-store.ts';
import type {
  CreateVolume,
  PrunedVolumes,
  PruneVolumes,
  Volume,
  Volumes,
  VolumeSnapshot,
} from '../api/volumes.ts';
import type { EventBus } from '../events.ts';
import type { DamagedInstances } from '../instances/damaged.ts';
import { DRIVER } from './announced.ts';
import type { VolumeUses } from './uses.ts';

/** How Docker marks volumes that nobody named. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** Milliseconds that an ended run may take to let go of its volumes. */
const PATIENCE = 10_000;

export interface VolumesParts {
  readonly volumes: VolumeStore;
  readonly uses: VolumeUses;
  readonly sizes: TreeSizes;
  readonly events: Pick<EventBus, 'publish'>;
  /** Those who may mount volumes, and how their records follow when one is renamed. */
  readonly instances: {
    readonly damaged: Pick<DamagedInstances, 'naming' | 'refuseGuessing'>;
    list(): readonly Instance[];
    renameVolume(name: string, to: string): void;
  };
}

/** Named volumes, as users may handle them: what an instance mounts stays. */
export class VolumeService implements Volumes {
  readonly #parts: VolumesParts;

  constructor(parts: VolumesParts) {
    this.#parts = parts;
  }

  list(): readonly Volume[] {
    return this.#parts.volumes.list();
  }

  get(name: string): Volume {
    const volume = this.#parts.volumes.find(name);
    if (volume === null) throw new HullError('volume-not-found', `get ${name}: no such volume`);
    return volume;
  }

  async create({ name, driver, options, labels = {} }: CreateVolume): Promise<Volume> {
    const anonymous = name === undefined;
    const chosen = name ?? randomBytes(32).toString('hex');
    checkVolumeDriver(chosen, driver);
    return this.#parts.volumes.ensure(chosen, anonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels, {
      anonymous,
      ...(options === undefined ? {} : { options }),
    });
  }

  async remove(name: string): Promise<void> {
    const volume = this.get(name);
    this.#refuseUsed(volume);
    const { uses, volumes } = this.#parts;
    await uses.alone(volume, async () => {
      // The last instance is gone for everybody already, and is still being cleaned up.
      if (!(await uses.idle(volume, PATIENCE)))
        throw new HullError(
          'volume-in-use',
          `remove ${name}: volume is in use - [${uses.now(volume).join(', ')}]`,
        );
      // Wanted by somebody since then: nothing is awaited between this and the removal.
      this.#refuseUsed(volume);
      await volumes.remove(name);
    });
  }

  #refuseUsed(volume: Volume): void {
    const unreadable = this.#parts.instances.damaged.naming(volume.name);
    const users = [...this.usersOf(volume.name), ...(unreadable === null ? [] : [unreadable.id])];
    if (users.length === 0 && !this.#parts.uses.isHeld(volume)) return;
    throw new HullError('volume-in-use', `remove ${volume.name}: volume is in use - [${users.join(', ')}]`);
  }

  usersOf(name: string): readonly string[] {
    return this.#parts.instances
      .list()
      .filter(({ config }) => config.mounts.some((mount) => mount.volume === name))
      .map(({ config }) => config.id);
  }

  async prune({ all, matches }: PruneVolumes): Promise<PrunedVolumes> {
    const { volumes, sizes, events, instances } = this.#parts;
    instances.damaged.refuseGuessing('pruning volumes');
    const names: string[] = [];
    let bytes = 0;
    for (const volume of this.list()) {
      if (!(all || volume.anonymous) || Object.keys(volume.options).length > 0 || !matches(volume)) continue;
      if (volumes.snapshots.list(volume.name).length > 0 || this.usersOf(volume.name).length > 0) continue;
      const size = await sizes.measure(volume.path).catch(() => 0);
      try {
        await this.remove(volume.name);
      } catch (error) {
        // Taken into use, or removed by another, while it was being measured.
        if (error instanceof HullError && (error.kind === 'Conflict' || error.kind === 'NotFound')) continue;
        throw error;
      }
      names.push(volume.name);
      bytes += size;
    }
    events.publish('volume', 'prune', '', { reclaimed: String(bytes) });
    return { names, bytes };
  }

  async rename(name: string, to: string): Promise<Volume> {
    const volume = this.get(name);
    const { uses, volumes, instances } = this.#parts;
    return await uses.alone(volume, () =>
      Promise.resolve(volumes.rename(name, to, () => instances.renameVolume(name, to))),
    );
  }

  clone(name: string, to: string, options: CopyVolume = {}): Promise<Volume> {
    return this.#copying(name, options, (live) => this.#parts.volumes.clone(name, to, { ...options, live }));
  }

  snapshot(
    name: string,
    snapshot: string = timeName(new Date()),
    options: { live?: boolean } = {},
  ): Promise<VolumeSnapshot> {
    return this.#copying(name, options, (live) =>
      this.#parts.volumes.snapshots.create(name, snapshot, { live }),
    );
  }

  snapshots(name?: string): readonly VolumeSnapshot[] {
    if (name !== undefined) this.get(name);
    return this.#parts.volumes.snapshots.list(name);
  }

  async restore(name: string, snapshot: string): Promise<void> {
    const { uses, volumes } = this.#parts;
    const volume = this.get(name);
    await uses.alone(volume, async () => {
      const users = this.#running(uses.now(volume));
      if (users.length > 0 || !(await uses.idle(volume, PATIENCE))) {
        throw new HullError(
          'volume-in-use',
          `the volume ${name} is in use by running instances (${shortIds(users)}); stop them before a snapshot is restored`,
        );
      }
      await volumes.snapshots.restore(name, snapshot);
    });
  }

  removeSnapshot(name: string, snapshot: string): Promise<void> {
    return this.#parts.volumes.snapshots.remove(name, snapshot);
  }

  #running(ids: readonly string[]): readonly string[] {
    const over = ['created', 'exited'];
    const running = this.#parts.instances.list().filter(({ status }) => !over.includes(status.state));
    return ids.filter((id) => running.some(({ config }) => config.id === id));
  }

  /** A copy of what nobody changes meanwhile; or, where the user says so, of what somebody may. */
  async #copying<T>(
    name: string,
    { live = false }: { live?: boolean },
    work: (live: boolean) => Promise<T>,
  ): Promise<T> {
    const { uses } = this.#parts;
    const volume = this.get(name);
    if (live) return await work(true);
    return await uses.alone(volume, async () => {
      const writers = uses.now(volume, { writing: true });
      const ending = this.#running(writers).length === 0;
      if (writers.length === 0 || (ending && (await uses.idle(volume, PATIENCE)))) return await work(false);
      throw new HullError(
        'volume-in-use',
        `the volume ${name} may be written to by running instances (${shortIds(writers)}); stop them, or copy it as it is being written with --live`,
      );
    });
  }
}

/** Only the built-in driver is there: no plugins. Docker's words. */
export function checkVolumeDriver(volume: string, driver: string | undefined): void {
  if (driver === undefined || driver === '' || driver === DRIVER) return;
  throw new HullError(
    'plugin-not-found',
    `create ${volume}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
  );
}

function shortIds(ids: readonly string[]): string {
  return ids.map((id) => id.slice(0, 12)).join(', ');
}

/** `20261122-174205` in UTC. */
function timeName(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}
