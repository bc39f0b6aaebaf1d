import { HullError } from '../model/errors.ts';
import type { Instance } from '../model/instance.ts';
import type { Volume, VolumeStore } from '../storage/storage.ts';

/** Who may mount volumes. */
interface InstanceList {
  list(): readonly Pick<Instance, 'config'>[];
}

/** Named volumes, as users may handle them: one that an instance mounts stays. */
export class Volumes implements VolumeStore {
  readonly #store: VolumeStore;
  readonly #instances: InstanceList;

  constructor(store: VolumeStore, instances: InstanceList) {
    this.#store = store;
    this.#instances = instances;
  }

  ensure(...call: Parameters<VolumeStore['ensure']>): Promise<Volume> {
    return this.#store.ensure(...call);
  }

  find(name: string): Volume | null {
    return this.#store.find(name);
  }

  list(): readonly Volume[] {
    return this.#store.list();
  }

  /** Rejects `volume-not-found`, and `volume-in-use` with the instances' ids. */
  async remove(name: string): Promise<void> {
    const using = this.#instances
      .list()
      .filter(({ config }) => config.mounts.some((mount) => mount.volume === name))
      .map(({ config }) => config.id);
    if (using.length > 0) {
      throw new HullError(
        'volume-in-use',
        `remove ${name}: volume is in use - [${using.join(', ')}]; remove these instances first`,
      );
    }
    await this.#store.remove(name);
  }
}
