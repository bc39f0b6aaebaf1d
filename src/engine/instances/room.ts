import type { ImageStore } from '../../images/image-store.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { removeRemains } from '../check/damaged.ts';
import type { EventBus } from '../events.ts';
import { ExecRegistry } from '../execs.ts';
import { HealthMonitor } from '../health/monitor.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import type { EngineParts } from '../parts.ts';
import { MountVolumes } from '../volumes/for-mounts.ts';
import type { VolumesRoom } from '../volumes/room.ts';
import { ChangeService } from './changes.ts';
import type { HostSize } from './checks.ts';
import { InstanceService } from './instances.ts';
import { Lifecycle } from './lifecycle.ts';
import { LogKeeper } from './log-keeper.ts';
import type { Registry } from './registry.ts';
import { Runs } from './run.ts';
import { Waiters } from './waiters.ts';

/** What instances are built on. */
export interface InstancesBase extends VolumesRoom {
  readonly registry: Registry;
  readonly events: EventBus;
  readonly catalog: NetworkCatalog;
  readonly bootId: string;
  /** Of the host. */
  readonly size: HostSize;
}

/** Instances: their lifecycle, and the use cases over it. */
export interface InstancesRoom {
  readonly runs: Runs;
  readonly logs: LogKeeper;
  readonly lifecycle: Lifecycle;
  readonly instances: InstanceService;
  readonly changes: ChangeService;
  readonly execs: ExecRegistry;
}

export function instancesRoom(parts: EngineParts, base: InstancesBase): InstancesRoom {
  const { registry, events } = base;
  const waiters = new Waiters();
  const logs = new LogKeeper(parts.identity, waiters);
  const runs = new Runs({ ...parts, ...base });
  const health = new HealthMonitor({
    ...{ registry, events },
    runtimeOf: (config) => runs.runtimeOf(config),
    shellOf: (config) => shellOf(parts.images, config),
  });
  const shared = { ...parts, ...base, health, waiters, logs, runs };
  const lifecycle = new Lifecycle(shared);
  const remains = (id: string): Promise<void> => removeRemains({ ...parts, registry }, id);
  return {
    ...{ runs, logs, lifecycle },
    instances: new InstanceService({ ...shared, lifecycle, removeRemains: remains }),
    changes: new ChangeService({ ...shared, lifecycle, mountVolumes: new MountVolumes(shared) }),
    execs: new ExecRegistry(registry, (config) => runs.runtimeOf(config), events),
  };
}

/** The shell that an instance's image says to use for commands in one string. */
function shellOf(images: ImageStore, { source }: InstanceConfig): readonly string[] | undefined {
  const image = source.kind === 'image' ? images.find(source.imageId) : null;
  const shell = image?.config.config?.Shell;
  return shell === undefined || shell.length === 0 ? undefined : shell;
}
