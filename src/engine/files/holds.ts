import { HullError } from '../../model/errors.ts';
import { isPausable, type Runtime } from '../../runtime/runtime.ts';
import { traitsOf } from '../isolations.ts';
import { unlessOver } from '../instances/endings.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';

/**
 * Instances that are held still while their files are read. Their records do not say so: it is over soon, and whatever else happens to one meanwhile
 * (it is held a second time, paused by somebody, stopped, killed) comes out as if it had not been held.
 */
export class Holds {
  readonly #registry: Pick<Registry, 'byId'>;
  /** By instance, how many hold it. */
  readonly #held = new Map<string, number>();

  constructor(registry: Pick<Registry, 'byId'>) {
    this.#registry = registry;
  }

  /** One that does not run, or cannot be paused, is not held. */
  async during<T>(runtime: Runtime, { config, status }: InstanceRecord, work: () => Promise<T>): Promise<T> {
    // An agent that reads a guest's files is paused with it.
    const inGuest = traitsOf(config.isolation).root === 'block';
    if (status.state !== 'running' || inGuest || !isPausable(runtime)) return await work();
    const { id, name } = config;
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    try {
      await runtime.pause(id).catch(unlessOver);
      return await work();
    } finally {
      if (this.#lastLeaves(id) && this.#registry.byId(id)?.status.state !== 'paused')
        await runtime
          .resume(id)
          .catch(unlessOver)
          .catch((error: unknown) => {
            throw new HullError('internal', `${name} stays paused: ${String(error)}`, { cause: error });
          });
    }
  }

  #lastLeaves(id: string): boolean {
    const others = (this.#held.get(id) ?? 1) - 1;
    if (others > 0) this.#held.set(id, others);
    else this.#held.delete(id);
    return others === 0;
  }
}
