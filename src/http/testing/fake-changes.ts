import type { Changes, PrunedInstances } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { FakeInstances } from './fake-instances.ts';

/** Changes of instances in memory: as much as HTTP can see. */
export class FakeChanges implements Changes {
  readonly #instances: FakeInstances;

  constructor(instances: FakeInstances) {
    this.#instances = instances;
  }

  async rename(nameOrId: string, name: string): Promise<void> {
    this.#instances.get(nameOrId);
    if (name === '') throw new HullError('invalid-argument', 'Neither old nor new names may be empty');
  }

  async update(nameOrId: string): Promise<readonly string[]> {
    this.#instances.get(nameOrId);
    return [];
  }

  async change(nameOrId: string): Promise<{ warnings: readonly string[]; restarted: boolean }> {
    this.#instances.get(nameOrId);
    return { warnings: [], restarted: false };
  }

  async prune(passes: (instance: Instance) => boolean): Promise<PrunedInstances> {
    const gone = this.#instances
      .list()
      .filter(({ status }) => status.state !== 'running')
      .filter(passes);
    for (const { config } of gone) await this.#instances.remove(config.id);
    return { ids: gone.map(({ config }) => config.id), bytes: 0 };
  }
}
