import type {
  CopyVolume,
  EnsureVolume,
  ImageFolder,
  Volume,
  VolumeProblem,
  VolumeSnapshots,
  VolumeStore,
} from '../../storage/volumes/volume-store.ts';
import type { EventBus } from '../events.ts';

/** Docker's only driver that needs no plugin, and the only one here. */
export const DRIVER = 'local';

/** The store, telling everyone who listens what is made and removed, whoever asks for it. */
export class AnnouncedVolumes implements VolumeStore {
  readonly snapshots: VolumeSnapshots;
  readonly #store: VolumeStore;
  readonly #events: Pick<EventBus, 'publish'>;

  constructor(store: VolumeStore, events: Pick<EventBus, 'publish'>) {
    this.#store = store;
    this.#events = events;
    this.snapshots = store.snapshots;
  }

  async ensure(
    name: string,
    labels?: Readonly<Record<string, string>>,
    more?: EnsureVolume,
  ): Promise<Volume> {
    const known = this.#store.find(name);
    if (known !== null) return known;
    const volume = await this.#store.ensure(name, labels, more);
    this.#tell('create', name);
    return volume;
  }

  async remove(name: string): Promise<void> {
    await this.#store.remove(name);
    this.#tell('destroy', name);
  }

  async clone(name: string, to: string, options?: CopyVolume): Promise<Volume> {
    const volume = await this.#store.clone(name, to, options);
    this.#tell('create', to);
    return volume;
  }

  rename(name: string, to: string, alongside?: () => void): Volume {
    const volume = this.#store.rename(name, to, alongside);
    this.#events.publish('volume', 'rename', to, { driver: DRIVER, oldName: name });
    return volume;
  }

  find(name: string): Volume | null {
    return this.#store.find(name);
  }

  list(): readonly Volume[] {
    return this.#store.list();
  }

  mount(volume: Volume): Promise<void> {
    return this.#store.mount(volume);
  }

  unmount(volume: Volume): Promise<void> {
    return this.#store.unmount(volume);
  }

  isMounted(volume: Volume): boolean {
    return this.#store.isMounted(volume);
  }

  populate(target: string, image: ImageFolder, options?: { live?: boolean }): Promise<boolean> {
    return this.#store.populate(target, image, options);
  }

  problems(): readonly VolumeProblem[] {
    return this.#store.problems();
  }

  #tell(action: string, name: string): void {
    this.#events.publish('volume', action, name, { driver: DRIVER });
  }
}
