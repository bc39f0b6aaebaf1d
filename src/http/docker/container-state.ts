import type { ContainerStateName } from '../../../api/docker.ts';
import type { InstanceStatus } from '../../model/instance.ts';
import { humanDuration } from './times.ts';

/** The states that Docker knows; ours in between count as what was before them. */
export function dockerState(status: InstanceStatus): ContainerStateName {
  switch (status.state) {
    case 'starting':
      return status.exit === null ? 'created' : 'exited';
    case 'stopping':
      return 'running';
    case 'created':
    case 'running':
    case 'paused':
    case 'restarting':
    case 'exited':
    case 'removing':
    case 'dead':
      return status.state;
  }
}

/** Listed without `all`: running, paused, or about to be restarted. */
export function hasProcess(status: InstanceStatus): boolean {
  return ['running', 'paused', 'restarting'].includes(dockerState(status));
}

/** `Up 3 minutes`, `Exited (0) 2 seconds ago`. `now`: milliseconds since the epoch. */
export function statusText(status: InstanceStatus, now: number): string {
  switch (dockerState(status)) {
    case 'running':
      return `Up ${humanDuration(now - (status.startedAt ?? now))}`;
    case 'exited':
      if (status.exit === null) return 'Exited';
      return `Exited (${status.exit.code}) ${humanDuration(now - status.exit.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'paused':
    case 'restarting':
    case 'created':
      return 'Created';
  }
}

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** What the health checks say; `none` where there is no check. */
export function healthStatus(_status: InstanceStatus): HealthStatus {
  return 'none';
}
