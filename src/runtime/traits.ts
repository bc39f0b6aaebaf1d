import type { InstanceOptions } from '../model/instance-options.ts';
import type { NetworkMode } from '../model/instance.ts';
import type { Isolation } from '../model/isolation.ts';
import type { Resources } from '../model/resources.ts';

/** What is so of every instance of an isolation, stated beside its driver: whoever asks asks these, not which isolation it is. */
export interface IsolationTraits {
  readonly isolation: Isolation;
  /** What it runs on, see `RootFilesystem`: `mounts` are reached from the host, `block` devices through the guest. */
  readonly root: 'mounts' | 'block';
  /** Its processes are the host kernel's: its namespaces can be entered and joined, and its links change while it runs. */
  readonly sharesKernel: boolean;
  /** Its capabilities are of its own kernel alone: it can have ones that the engine lacks. */
  readonly ownCapabilities: boolean;
  /** It starts whole operating systems from their disks. */
  readonly bootsMachines: boolean;
  /** Making a run whose start may never be asked for costs next to nothing. */
  readonly cheapToMake: boolean;
  /** Bytes of memory that it needs at least, and for what; null: no bound of its own. */
  readonly minMemory: { readonly bytes: number; readonly reason: string } | null;
  /** Which kernel settings can be an instance's own. */
  readonly sysctls: 'namespaced' | 'all';
  /** How many paths can be masked, and how many read-only. */
  readonly maxHiddenPaths: number;
  readonly refuses: Refusals;
  /** Limits that have no meaning for it, by the names of Docker's API, and why: discarded with a warning. */
  readonly idleLimits: {
    readonly why: string;
    readonly fields: Readonly<Record<string, (resources: Resources) => boolean>>;
  } | null;
}

/** What an isolation cannot give, and so refuses by name. */
export interface Refusals {
  /** By option, the field of Docker's API that asks for it. */
  readonly options: Readonly<Partial<Record<keyof InstanceOptions, string>>>;
  /** Values of these options that ask for nothing but what there is anyway. */
  readonly idleValues: Readonly<Partial<Record<keyof InstanceOptions, readonly string[]>>>;
  readonly networkModes: readonly NetworkMode[];
  /** Filters of system calls and AppArmor profiles: nothing of the host's kernel looks at the workload's calls. */
  readonly filters: boolean;
  readonly mountPropagation: boolean;
}

export const NO_REFUSALS: Refusals = {
  options: {},
  idleValues: {},
  networkModes: [],
  filters: false,
  mountPropagation: false,
};
