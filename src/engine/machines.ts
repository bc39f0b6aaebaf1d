import { HullError } from '../model/errors.ts';
import type { ProgressSink } from '../model/progress.ts';
import type { MachineDisk } from '../model/machine.ts';
import type { Machines } from './api.ts';
import type { Registry } from './instances/registry.ts';

/** Use cases of machine disks: who may remove one. */
export class MachineService implements Machines {
  readonly #machines: Machines;
  readonly #registry: Pick<Registry, 'all' | 'damaged'>;

  constructor(machines: Machines, registry: Pick<Registry, 'all' | 'damaged'>) {
    this.#machines = machines;
    this.#registry = registry;
  }

  list(): readonly MachineDisk[] {
    return this.#machines.list();
  }

  get(name: string): MachineDisk {
    return this.#machines.get(name);
  }

  create(
    request: Parameters<Machines['create']>[0],
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<MachineDisk> {
    return this.#machines.create(request, onProgress, signal);
  }

  /** An instance's disk holds only what differs from the machine's: without it nothing of the instance is left, whether it runs or not. */
  async remove(name: string): Promise<void> {
    const users = this.#registry
      .all()
      .filter(({ config: { source } }) => source.kind === 'machine' && source.disk === name)
      .map(({ config }) => config.name);
    const unreadable = this.#registry.damaged.naming(`"${name}"`);
    if (unreadable !== null) users.push(unreadable.name);
    if (users.length > 0)
      throw new HullError(
        'machine-in-use',
        `the machine ${name} is the disk of ${users.join(', ')}; remove ${users.length === 1 ? 'it' : 'them'} first: hull rm ${users.join(' ')}`,
      );
    await this.#machines.remove(name);
  }
}
