import type { Instance, PortBinding, RestartPolicy } from '../../model/instance.ts';
import type { Resources } from '../../model/resources.ts';
import type { MountRequest } from './instances.ts';

/** What Docker lets be changed: only what is named. */
export interface LimitChange {
  /** `pidsLimit` -1: none any more. */
  readonly resources: Resources;
  readonly restartPolicy?: RestartPolicy;
}

/** What may be changed of an existing instance: what is not named stays. */
export interface InstanceChange extends LimitChange {
  /** `NAME=value`, or `NAME` alone to take it away. */
  readonly env: readonly string[];
  /** `name=value`, or a name alone to take it away. */
  readonly labels: readonly string[];
  readonly publish: readonly PortBinding[];
  /** Container ports that are not published any more, such as `80/tcp`. */
  readonly unpublish: readonly string[];
  /** In the place of what is mounted there, or anew. */
  readonly mounts: readonly MountRequest[];
  /** Targets that are not mounted any more. */
  readonly unmount: readonly string[];
}

export interface PrunedInstances {
  readonly ids: readonly string[];
  /** Bytes of their writable parts. */
  readonly bytes: number;
}

/** Changes of instances that exist. */
export interface Changes {
  /** Docker's messages; names in DNS follow. */
  rename(nameOrId: string, name: string): Promise<void>;
  /** Limits and the restart policy, while it runs where the isolation can. Resolves with warnings. */
  update(nameOrId: string, change: LimitChange): Promise<readonly string[]>;
  /**
   * Everything else too. What cannot change while it runs is changed by a new run in the same place: name, id, addresses, volumes, files and logs stay.
   * When the new run does not start, the old one is started again and the reason is thrown.
   */
  change(
    nameOrId: string,
    change: InstanceChange,
  ): Promise<{ warnings: readonly string[]; restarted: boolean }>;
  /** Removes all at rest that pass, with their anonymous volumes kept, as Docker does. */
  prune(passes: (instance: Instance) => boolean): Promise<PrunedInstances>;
}
