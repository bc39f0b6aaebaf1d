import type { Instance, InstanceConfig } from '../../model/instance.ts';
import type { InstanceStatus } from '../../model/instance-status.ts';
import type { NetworkLease } from '../../network/network.ts';

/** What the engine keeps of an instance: the public part, and what it needs to find its network and process again. All plain JSON. */
export interface InstanceRecord extends Instance {
  readonly config: InstanceConfig;
  readonly status: InstanceStatus;
  /** Present while the network is attached: from `starting` until its clean-up. */
  readonly lease: NetworkLease | null;
  /** Clock ticks since boot of `status.pid`. */
  readonly pidStartTime: number;
  /** The boot during which the last start happened: after another boot nothing of the run is left. */
  readonly bootId: string;
  /** Somebody stopped or killed it since it was started last: `unless-stopped` leaves it so. */
  readonly manuallyStopped?: boolean;
  /** Its run was ended to be followed by another at once: should the daemon die in between, the next one starts it. */
  readonly comesBack?: boolean;
  /** What the restart policy waited for last, milliseconds. */
  readonly restartDelay?: number;
}
