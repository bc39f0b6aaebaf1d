import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Instances } from './api/instances.ts';
import type { Changes } from './api/changes.ts';
import type { Execs } from './api/execs.ts';
import type { Files } from './api/files.ts';
import type { Archives } from './api/archives.ts';
import type { Gc } from './api/gc.ts';
import type { Images } from './api/images.ts';
import type { Transfers } from './api/transfers.ts';
import type { Volumes } from './api/volumes.ts';
import type { Machines } from './api/machines.ts';
import type { Networks } from './api/networks.ts';
import type { Events } from './api/events.ts';
import type { System } from './api/system.ts';
import type { Comparison } from './api/comparison.ts';

export type { BuildEvent, BuildRequest } from '../build/types.ts';
export type * from './api/instances.ts';
export type * from './api/changes.ts';
export type * from './api/execs.ts';
export type * from './api/files.ts';
export type * from './api/archives.ts';
export type * from './api/gc.ts';
export type * from './api/images.ts';
export type * from './api/transfers.ts';
export type * from './api/volumes.ts';
export type * from './api/machines.ts';
export type * from './api/networks.ts';
export type * from './api/events.ts';
export type * from './api/system.ts';
export type * from './api/disk-usage.ts';
export type * from './api/comparison.ts';

/** What `http/` may call: the use cases, in domain words. Everything rejects with `HullError`. */
export interface EngineApi {
  readonly identity: EngineIdentity;
  readonly instances: Instances;
  readonly changes: Changes;
  readonly gc: Gc;
  readonly execs: Execs;
  readonly files: Files;
  readonly images: Images;
  readonly transfers: Transfers;
  readonly archives: Archives;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly machines: Machines;
  readonly events: Events;
  readonly system: System;
  readonly comparison: Comparison;
}
