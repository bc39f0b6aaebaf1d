import { HullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { InstanceState } from '../../model/instance-status.ts';

/** What may be asked of an instance. */
export type Action =
  | 'start'
  | 'stop'
  | 'signal'
  | 'pause'
  | 'unpause'
  | 'exec'
  | 'resize'
  | 'observe'
  | 'rename'
  | 'update'
  | 'remove'
  | 'force-remove';

/** `go`: carry it out. `nothing`: it is already so. Anything else names the refusal. */
export type Admission = 'go' | 'nothing' | Refusal;
export type Refusal =
  | 'not-running'
  | 'not-paused'
  | 'already-paused'
  | 'start-of-paused'
  | 'exec-in-paused'
  | 'restarting'
  | 'still-running'
  | 'still-paused'
  | 'being-removed';

type AtRest = 'created' | 'running' | 'paused' | 'restarting' | 'exited';
type Row = Readonly<Record<AtRest, Admission>>;

const everywhere = (admission: Admission): Row => ({
  created: admission,
  running: admission,
  paused: admission,
  restarting: admission,
  exited: admission,
});
const NEEDS_RUN = everywhere('not-running');

/** What may happen in which state; for states that pass by themselves, see `admit`. */
const TABLE: Readonly<Record<Action, Row>> = {
  start: {
    ...everywhere('go'),
    running: 'nothing',
    paused: 'start-of-paused',
    restarting: 'nothing',
  },
  stop: { ...everywhere('nothing'), running: 'go', paused: 'go', restarting: 'go' },
  signal: { ...NEEDS_RUN, running: 'go', paused: 'go', restarting: 'go' },
  pause: { ...NEEDS_RUN, running: 'go', paused: 'already-paused', restarting: 'restarting' },
  unpause: { ...everywhere('not-paused'), paused: 'go' },
  exec: { ...NEEDS_RUN, running: 'go', paused: 'exec-in-paused', restarting: 'restarting' },
  resize: { ...NEEDS_RUN, running: 'go', paused: 'go', restarting: 'restarting' },
  observe: { ...NEEDS_RUN, running: 'go', paused: 'go', restarting: 'restarting' },
  rename: everywhere('go'),
  update: everywhere('go'),
  remove: {
    ...everywhere('go'),
    running: 'still-running',
    paused: 'still-paused',
    restarting: 'still-running',
  },
  'force-remove': everywhere('go'),
};

/**
 * Pure. States that only last while the instance's queue is held (`starting`, `stopping`) are seen here after a failure at most, and are treated
 * as the state that recovery will make of them.
 */
export function admit(action: Action, state: InstanceState): Admission {
  switch (state) {
    case 'starting':
      return TABLE[action].created;
    case 'stopping':
      return TABLE[action].running;
    case 'removing':
      return 'being-removed';
    case 'created':
    case 'running':
    case 'paused':
    case 'restarting':
    case 'exited':
      return TABLE[action][state];
  }
}

/** Throws `wrong-state` for a refusal; true to go on, false when there is nothing to do. */
export function admitOrThrow(action: Action, instance: Instance): boolean {
  const { state } = instance.status;
  const admission = admit(action, state);
  if (admission === 'go') return true;
  if (admission === 'nothing') return false;
  throw new HullError('wrong-state', refusalMessage(admission, instance), {
    details: { refusal: admission, state },
  });
}

/** In Docker's words: clients look for some of them. */
function refusalMessage(refusal: Refusal, { config: { id, name }, status }: Instance): string {
  switch (refusal) {
    case 'not-running':
      return `container ${id} is not running`;
    case 'not-paused':
      return `Container ${id} is not paused`;
    case 'already-paused':
      return `Container ${id} is already paused`;
    case 'start-of-paused':
      return 'cannot start a paused container, try unpause instead';
    case 'exec-in-paused':
      return `Container ${id} is paused, unpause the container before exec`;
    case 'restarting':
      return `Container ${id} is restarting, wait until the container is running`;
    case 'still-running':
      return `cannot remove container "/${name}": container is ${status.state === 'restarting' ? 'restarting' : 'running'}: stop the container before removing or force remove`;
    case 'still-paused':
      return `cannot remove container "/${name}": container is paused and must be unpaused first`;
    case 'being-removed':
      return `container ${id} is marked for removal; it will be gone in a moment`;
  }
}
