import type { InstanceState, InstanceStatus } from '../instance-status.ts';

const KEPT = { exit: null, restartCount: 0, health: null } as const;
const NETWORK = { endpoints: [], ports: [] } as const;
const ALIVE = { ...KEPT, ...NETWORK, pid: 7, startedAt: 1000, error: '' } as const;
const EXIT = { code: 1, oomKilled: false, finishedAt: 2000 } as const;
const ENDED = { ...KEPT, ...NETWORK, startedAt: 1000, exit: EXIT, error: '' } as const;

/** For tests: one status of each state. */
export const STATUSES: { readonly [S in InstanceState]: InstanceStatus & { readonly state: S } } = {
  created: { ...KEPT, state: 'created', error: '' },
  starting: { ...KEPT, ...NETWORK, state: 'starting', startedAt: null },
  running: { ...ALIVE, state: 'running' },
  paused: { ...ALIVE, state: 'paused' },
  stopping: { ...ALIVE, state: 'stopping', was: 'running' },
  restarting: { ...ENDED, state: 'restarting' },
  exited: { ...ENDED, state: 'exited' },
  removing: { ...KEPT, ...NETWORK, state: 'removing', startedAt: null },
};
