import type { ContainerStateName } from '../../../api/docker.ts';
import type { Health } from '../../model/health.ts';
import { errorOf, startedAtOf, type InstanceStatus } from '../../model/instance-status.ts';
import { humanDuration } from './times.ts';

/** The states that Docker knows; ours in between count as what was before them. */
export function dockerState(status: InstanceStatus): ContainerStateName {
  switch (status.state) {
    case 'starting':
      // By its restart policy: it only waits no longer.
      if (status.restartCount > 0) return 'restarting';
      return status.exit === null ? 'created' : 'exited';
    case 'stopping':
      return 'running';
    case 'created':
    case 'running':
    case 'paused':
    case 'restarting':
    case 'exited':
    case 'removing':
      return status.state;
  }
}

/** Listed without `all`: running, paused, or about to be restarted. */
export function hasProcess(status: InstanceStatus): boolean {
  return ['running', 'paused', 'restarting'].includes(dockerState(status));
}

/** `Up 3 minutes (healthy)`, `Exited (0) 2 seconds ago`. `now`: milliseconds since the epoch. */
export function statusText(status: InstanceStatus, now: number): string {
  const ended =
    status.exit === null ? '' : `(${status.exit.code}) ${humanDuration(now - status.exit.finishedAt)} ago`;
  switch (dockerState(status)) {
    case 'running':
      return `${upText(status, now)}${troubleText(status)}${healthText(status)}`;
    case 'paused':
      return `${upText(status, now)} (Paused)`;
    case 'restarting':
      return `Restarting ${ended}`;
    case 'exited':
      return `Exited ${ended}`.trimEnd();
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
  }
}

function upText(status: InstanceStatus, now: number): string {
  return `Up ${humanDuration(now - (startedAtOf(status) ?? now))}`;
}

/** The first words of it: `inspect` has the rest. */
function troubleText(status: InstanceStatus): string {
  const [short = ''] = errorOf(status).split(':');
  return short === '' ? '' : ` (${short})`;
}

function healthText(status: InstanceStatus): string {
  const health = healthStatus(status);
  if (health === 'none') return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

/** What the health checks say; `none` where there is no check. */
export function healthStatus({ health }: InstanceStatus): Health['status'] | 'none' {
  return health?.status ?? 'none';
}
