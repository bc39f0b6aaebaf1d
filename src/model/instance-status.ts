import type { Health } from './health.ts';
import type { ExitStatus, NetworkEndpoint, PortBinding } from './instance.ts';

/** What every state keeps. */
interface Kept {
  /** How the run before ended, or why the last start failed; null before the first end. */
  readonly exit: ExitStatus | null;
  /** How often the restart policy has started it since somebody did. */
  readonly restartCount: number;
  /** Null before the first run of an instance with a healthcheck, and for ever without one. */
  readonly health: Health | null;
}

/** What the network gives; empty before it is attached, and once it is cleaned up. */
export interface AttachedNetwork {
  readonly endpoints: readonly NetworkEndpoint[];
  /** Ports with their host port filled in. */
  readonly ports: readonly PortBinding[];
}

/** It has never run. */
export interface CreatedStatus extends Kept {
  readonly state: 'created';
  /** Why the last start failed, else ''. */
  readonly error: string;
}

/** A run is being made; recorded before the work begins, so that the next daemon sees and undoes it. */
export interface StartingStatus extends Kept, AttachedNetwork {
  readonly state: 'starting';
  /** Of the run before; null for the first one. */
  readonly startedAt: number | null;
}

interface Alive extends Kept, AttachedNetwork {
  /** Host pid of the workload (of QEMU for a VM). */
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** What is wrong with it at present, else ''. */
  readonly error: string;
}

export interface RunningStatus extends Alive {
  readonly state: 'running' | 'paused';
}

/** It has got its stop signal; recorded before that is sent. */
export interface StoppingStatus extends Alive {
  readonly state: 'stopping';
  /** What it is again if it outlives even SIGKILL. */
  readonly was: 'running' | 'paused';
}

/** The run is over: for good, or until the restart policy starts the next one (`restarting`). */
export interface EndedStatus extends Kept, AttachedNetwork {
  readonly state: 'exited' | 'restarting';
  readonly exit: ExitStatus;
  /** Of the run that is over; null where none has ever begun. */
  readonly startedAt: number | null;
  /** Why the last start failed, or the run ended where that was no matter of its workload's, else ''. */
  readonly error: string;
}

/** Nobody sees it any more: what is left on the host goes, and the record last. */
export interface RemovingStatus extends Kept, AttachedNetwork {
  readonly state: 'removing';
  readonly startedAt: number | null;
}

/** What is so now: each state with what exists in it. `engine/instances/transition.ts` says which follows which, and is its only writer. */
export type InstanceStatus =
  CreatedStatus | StartingStatus | RunningStatus | StoppingStatus | EndedStatus | RemovingStatus;

export type InstanceState = InstanceStatus['state'];

/** Host pid of the workload (of QEMU for a VM); 0 when there is none. */
export function pidOf(status: InstanceStatus): number {
  return isAlive(status) ? status.pid : 0;
}

/** When the last run began, milliseconds since the epoch; null before the first one. */
export function startedAtOf(status: InstanceStatus): number | null {
  return 'startedAt' in status ? status.startedAt : null;
}

/** Why the last start failed or the run ended, or what is wrong with it at present; else ''. */
export function errorOf(status: InstanceStatus): string {
  return 'error' in status ? status.error : '';
}

/** What the network gives it at present. */
export function networkOf(status: InstanceStatus): AttachedNetwork {
  return 'endpoints' in status ? status : NO_NETWORK;
}

/** Does a run exist whose workload may take signals? */
export function isAlive(status: InstanceStatus): status is RunningStatus | StoppingStatus {
  return status.state === 'running' || status.state === 'paused' || status.state === 'stopping';
}

export const NO_NETWORK: AttachedNetwork = { endpoints: [], ports: [] };
