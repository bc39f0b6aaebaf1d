import { HullError } from '../../model/errors.ts';
import type { InstanceState } from '../../model/instance.ts';

/** What may be asked of an instance. */
export type Action = 'start' | 'stop' | 'signal' | 'exec' | 'resize' | 'observe' | 'remove' | 'force-remove';

/** `go`: carry it out. `nothing`: it is already so. Anything else names the refusal. */
export type Admission = 'go' | 'nothing' | Refusal;
export type Refusal = 'not-running' | 'still-running' | 'being-removed' | 'dead';

/**
 * What may happen in which state. States that only last while the instance's queue is held (`starting`, `stopping`) are seen here after a
 * failure at most, and are treated as the state that recovery will make of them.
 */
const TABLE: Readonly<Record<Action, Readonly<Record<InstanceState, Admission>>>> = {
  start: row('go', 'nothing', 'go', 'dead'),
  stop: row('nothing', 'go', 'nothing', 'nothing'),
  signal: row('not-running', 'go', 'not-running', 'not-running'),
  exec: row('not-running', 'go', 'not-running', 'not-running'),
  resize: row('not-running', 'go', 'not-running', 'not-running'),
  observe: row('not-running', 'go', 'not-running', 'not-running'),
  remove: row('go', 'still-running', 'go', 'go'),
  'force-remove': row('go', 'go', 'go', 'go'),
};

function row(
  created: Admission,
  running: Admission,
  exited: Admission,
  dead: Admission,
): Record<InstanceState, Admission> {
  return {
    created,
    starting: created,
    running,
    stopping: running,
    exited,
    removing: 'being-removed',
    dead,
  };
}

/** Pure. */
export function admit(action: Action, state: InstanceState): Admission {
  return TABLE[action][state];
}

/** Throws `wrong-state` for a refusal; true to go on, false when there is nothing to do. */
export function admitOrThrow(action: Action, name: string, state: InstanceState): boolean {
  const admission = admit(action, state);
  if (admission === 'go') return true;
  if (admission === 'nothing') return false;
  throw new HullError('wrong-state', refusalMessage(admission, name), {
    details: { refusal: admission, state },
  });
}

function refusalMessage(refusal: Refusal, name: string): string {
  switch (refusal) {
    case 'not-running':
      return `instance ${name} is not running; start it with: hull start ${name}`;
    case 'still-running':
      return `instance ${name} is running; stop it first, or remove it by force with: hull rm -f ${name}`;
    case 'being-removed':
      return `instance ${name} is being removed`;
    case 'dead':
      return `instance ${name} could not be removed completely and cannot be started; try: hull rm -f ${name}`;
  }
}
