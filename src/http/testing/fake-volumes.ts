import type {
  CreateVolume,
  PrunedVolumes,
  PruneVolumes,
  Volume,
  Volumes,
  VolumeSnapshot,
} from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';

/** Volumes in memory that nobody mounts. */
export class FakeVolumes implements Volumes {
  readonly #volumes = new Map<string, Volume>();
  readonly #snapshots: VolumeSnapshot[] = [];

  list(): readonly Volume[] {
    return [...this.#volumes.values()];
  }

  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw new HullError('volume-not-found', `get ${name}: no such volume`);
    return volume;
  }

  async create({ name, labels = {}, options = {} }: CreateVolume): Promise<Volume> {
    const chosen = name ?? 'a'.repeat(64);
    const known = this.#volumes.get(chosen);
    if (known !== undefined) return known;
    const path = `/volumes/${chosen}`;
    const volume = { name: chosen, path, createdAt: 0, labels, anonymous: name === undefined, options };
    this.#volumes.set(chosen, volume);
    return volume;
  }

  async remove(name: string): Promise<void> {
    this.#volumes.delete(this.get(name).name);
  }

  usersOf(): readonly string[] {
    return [];
  }

  async prune({ all, matches }: PruneVolumes): Promise<PrunedVolumes> {
    const names = this.list()
      .filter((volume) => (all || volume.anonymous) && matches(volume))
      .map(({ name }) => name);
    for (const name of names) this.#volumes.delete(name);
    return { names, bytes: 0 };
  }

  async rename(name: string, to: string): Promise<Volume> {
    const volume = { ...this.get(name), name: to };
    this.#volumes.delete(name);
    this.#volumes.set(to, volume);
    return volume;
  }

  async clone(name: string, to: string): Promise<Volume> {
    const volume = { ...this.get(name), name: to };
    this.#volumes.set(to, volume);
    return volume;
  }

  async snapshot(name: string, snapshot = 'now'): Promise<VolumeSnapshot> {
    const made = { volume: this.get(name).name, name: snapshot, createdAt: 0 };
    this.#snapshots.push(made);
    return made;
  }

  snapshots(name?: string): readonly VolumeSnapshot[] {
    return this.#snapshots.filter(({ volume }) => name === undefined || volume === name);
  }

  async restore(name: string): Promise<void> {
    this.get(name);
  }

  async removeSnapshot(name: string, snapshot: string): Promise<void> {
    const index = this.#snapshots.findIndex((one) => one.volume === name && one.name === snapshot);
    this.#snapshots.splice(index, index < 0 ? 0 : 1);
  }
}
