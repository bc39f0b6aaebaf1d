import type { Health } from '../../model/health.ts';
import type { ExitStatus, InstanceConfig } from '../../model/instance.ts';
import {
  type AttachedNetwork,
  type InstanceState,
  type InstanceStatus,
  isAlive,
  NO_NETWORK,
  startedAtOf,
  errorOf,
} from '../../model/instance-status.ts';
import type { NetworkLease } from '../../network/network.ts';
import { closedHealth, startedHealth } from '../health/health-plan.ts';
import type { InstanceRecord } from './record.ts';
import { endedRun, planAfterRun } from './restart-plan.ts';

/** What happens to an instance. Times are milliseconds since the epoch. */
export type InstanceEvent =
  /** A start begins. `byPolicy`: counts of restarts go on. */
  | { readonly type: 'starting'; readonly bootId: string; readonly byPolicy: boolean }
  /** Its network is attached, or has changed. */
  | { readonly type: 'attached'; readonly lease: NetworkLease }
  /** The run was cleaned up, its network with it. */
  | { readonly type: 'taken-apart' }
  | {
      readonly type: 'started';
      readonly pid: number;
      readonly pidStartTime: number;
      readonly startedAt: number;
    }
  /** `keepsLease`: for another try, or since the run could not be cleaned up. */
  | {
      readonly type: 'start-failed';
      readonly exit: ExitStatus;
      readonly error: string;
      readonly keepsLease: boolean;
    }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  /** Its end is about to be asked for. `comesBack`: another run follows at once. */
  | { readonly type: 'stopping'; readonly comesBack: boolean }
  /** The workload outlived even SIGKILL. */
  | { readonly type: 'outlived' }
  /** The run is over; the restart policy says what comes next. */
  | { readonly type: 'ended'; readonly exit: ExitStatus; readonly comesBack: boolean }
  /** A start by policy failed: it counts as a run that ended at once. `delay`: until the next try. */
  | { readonly type: 'retry'; readonly delay: number }
  /** Somebody ended the wait for the next run. */
  | { readonly type: 'rested' }
  /** A new daemon has found the run. `pid` 0: it is over, and its end is about to be read. */
  | {
      readonly type: 'adopted';
      readonly pid: number;
      readonly pidStartTime: number;
      readonly paused: boolean;
    }
  /** What was cut short is undone. `keepsLease`: its run could not be cleaned up. */
  | {
      readonly type: 'interrupted';
      readonly error: string;
      readonly at: number;
      readonly keepsLease: boolean;
    }
  /** `exit`: of the run that was killed for it, else null. */
  | { readonly type: 'removing'; readonly exit: ExitStatus | null }
  | { readonly type: 'probed'; readonly health: Health }
  /** What the runtime says is wrong with the run; '' when that is over. */
  | { readonly type: 'troubled'; readonly error: string }
  /** A new run has taken the place of one that did not work. */
  | { readonly type: 'replaced'; readonly restartCount: number }
  /** Somebody wants its end. */
  | { readonly type: 'killed' }
  /** The engine has ended it for its own end. */
  | { readonly type: 'put-off'; readonly comesBack: boolean };

export type EventType = InstanceEvent['type'];
type EventOf<T extends EventType> = Extract<InstanceEvent, { readonly type: T }>;

/** Why an event cannot happen in a state. */
export type TransitionRefusal =
  | 'not-at-rest'
  | 'not-starting'
  | 'not-alive'
  | 'not-running'
  | 'not-paused'
  | 'not-stopping'
  | 'not-waiting'
  | 'still-alive'
  | 'being-removed';

/** By state, where an event may lead; in all others it is refused by that name. */
export interface TransitionRow {
  readonly to: Readonly<Partial<Record<InstanceState, readonly InstanceState[]>>>;
  readonly otherwise: TransitionRefusal;
}

const RESTS = ['created', 'exited', 'restarting'] as const;
const ALIVE = ['running', 'paused', 'stopping'] as const;
const from = (states: readonly InstanceState[], to: readonly InstanceState[]): TransitionRow['to'] =>
  Object.fromEntries(states.map((state) => [state, to]));
const same = (states: readonly InstanceState[]): TransitionRow['to'] =>
  Object.fromEntries(states.map((state) => [state, [state]]));

/** Which event leads from where to where. A start or stop whose failure could not be recorded is repeated: `starting` and `stopping` lead to themselves. */
export const TRANSITIONS: Readonly<Record<EventType, TransitionRow>> = {
  starting: { to: from([...RESTS, 'starting'], ['starting']), otherwise: 'not-at-rest' },
  attached: { to: same([...RESTS, 'starting', ...ALIVE]), otherwise: 'being-removed' },
  'taken-apart': { to: same([...RESTS, 'starting', 'removing']), otherwise: 'still-alive' },
  started: { to: { starting: ['running'] }, otherwise: 'not-starting' },
  'start-failed': { to: { starting: ['created', 'exited'] }, otherwise: 'not-starting' },
  paused: { to: { running: ['paused'] }, otherwise: 'not-running' },
  resumed: { to: { paused: ['running'] }, otherwise: 'not-paused' },
  stopping: { to: from(ALIVE, ['stopping']), otherwise: 'not-alive' },
  outlived: { to: { stopping: ['running', 'paused'] }, otherwise: 'not-stopping' },
  ended: { to: from(ALIVE, ['exited', 'restarting', 'removing']), otherwise: 'not-alive' },
  retry: { to: from([...RESTS, 'starting'], ['restarting']), otherwise: 'not-at-rest' },
  rested: { to: { restarting: ['exited'] }, otherwise: 'not-waiting' },
  adopted: { to: from(ALIVE, ['running', 'paused']), otherwise: 'not-alive' },
  interrupted: { to: from(['starting', ...ALIVE], ['exited']), otherwise: 'not-alive' },
  removing: {
    to: from([...RESTS, 'starting', 'stopping', 'removing'], ['removing']),
    otherwise: 'still-alive',
  },
  probed: { to: same(ALIVE), otherwise: 'not-alive' },
  troubled: { to: same(ALIVE), otherwise: 'not-alive' },
  replaced: { to: same(ALIVE), otherwise: 'not-alive' },
  killed: { to: same([...RESTS, 'starting', ...ALIVE]), otherwise: 'being-removed' },
  'put-off': { to: same(RESTS), otherwise: 'not-at-rest' },
};

export type Transition = { readonly record: InstanceRecord } | { readonly refusal: TransitionRefusal };

/** Pure; the only writer of an instance's state. */
export function transition(record: InstanceRecord, event: InstanceEvent): Transition {
  const { to, otherwise } = TRANSITIONS[event.type];
  return to[record.status.state] === undefined ? { refusal: otherwise } : { record: happened(record, event) };
}

/** A record of an instance that has just been made. */
export function createdRecord(config: InstanceConfig): InstanceRecord {
  const status = { state: 'created', exit: null, error: '', restartCount: 0, health: null } as const;
  return { config, status, lease: null, pidStartTime: 0, bootId: '' };
}

function happened(record: InstanceRecord, event: InstanceEvent): InstanceRecord {
  switch (event.type) {
    case 'starting':
      return starting(record, event);
    case 'started':
      return started(record, event);
    case 'start-failed':
      return startFailed(record, event);
    case 'ended':
      return ended(record, event);
    case 'adopted':
      return adopted(record, event);
    case 'interrupted':
      return interrupted(record, event);
    case 'attached':
      return withLease(record, event.lease);
    case 'taken-apart':
      return withLease(record, null);
    case 'killed':
      return { ...record, manuallyStopped: true };
    case 'put-off':
      return { ...record, manuallyStopped: false, comesBack: event.comesBack };
    case 'paused':
    case 'resumed':
    case 'stopping':
    case 'outlived':
    case 'retry':
    case 'rested':
    case 'removing':
    case 'probed':
    case 'troubled':
    case 'replaced':
      return stepped(record, event);
  }
}

type Step = EventOf<
  | 'paused'
  | 'resumed'
  | 'stopping'
  | 'outlived'
  | 'retry'
  | 'rested'
  | 'removing'
  | 'probed'
  | 'troubled'
  | 'replaced'
>;

function stepped(record: InstanceRecord, event: Step): InstanceRecord {
  const { status, lease } = record;
  switch (event.type) {
    case 'retry':
      return {
        ...record,
        restartDelay: event.delay,
        status: endedStatus(record, 'restarting', { restartCount: status.restartCount + 1 }),
      };
    case 'rested':
      return { ...record, manuallyStopped: true, status: endedStatus(record, 'exited') };
    case 'removing': {
      const startedAt = startedAtOf(status);
      const exit = event.exit ?? status.exit;
      return {
        ...record,
        status: { ...kept(status), ...networkIn(lease), exit, state: 'removing', startedAt },
      };
    }
    case 'stopping':
      return { ...stopping(record), manuallyStopped: true, comesBack: event.comesBack };
    case 'outlived':
      return { ...withAlive(record, wasOf(status)), comesBack: false };
    case 'paused':
      return withAlive(record, 'paused');
    case 'resumed':
      return withAlive(record, 'running');
    case 'troubled':
      return isAlive(status) ? { ...record, status: { ...status, error: event.error } } : record;
    case 'probed':
      return { ...record, status: { ...status, health: event.health } };
    case 'replaced':
      return { ...record, status: { ...status, restartCount: event.restartCount } };
  }
}

function starting(record: InstanceRecord, { bootId, byPolicy }: EventOf<'starting'>): InstanceRecord {
  const { status, lease } = record;
  const afresh = byPolicy ? {} : { restartDelay: 0 };
  const count = byPolicy ? {} : { restartCount: 0 };
  const startedAt = startedAtOf(status);
  return {
    ...{ ...record, bootId, manuallyStopped: false, ...afresh },
    status: { ...kept(status), ...count, ...networkIn(lease), state: 'starting', startedAt },
  };
}

function started(record: InstanceRecord, event: EventOf<'started'>): InstanceRecord {
  const { pid, pidStartTime, startedAt } = event;
  const { status, config, lease } = record;
  const health = startedHealth(config.healthcheck, status.health);
  const alive = { ...kept(status), ...networkIn(lease), health, pid, startedAt, error: '' };
  return { ...record, pidStartTime, comesBack: false, status: { ...alive, state: 'running' } };
}

function startFailed(record: InstanceRecord, event: EventOf<'start-failed'>): InstanceRecord {
  const { exit, error, keepsLease } = event;
  const after = keepsLease ? record : { ...withLease(record, null), comesBack: false };
  // An instance that never ran stays `created`, as Docker leaves it.
  if (startedAtOf(record.status) === null)
    return { ...after, status: { ...kept(record.status), state: 'created', exit, error } };
  return { ...after, status: endedStatus(after, 'exited', { exit, error }) };
}

function ended(record: InstanceRecord, { exit, comesBack }: EventOf<'ended'>): InstanceRecord {
  const { status, config, lease } = record;
  const next = planAfterRun(endedRun(record, exit));
  const health = closedHealth(status.health);
  const after = { ...record, comesBack };
  const error = exit.error ?? '';
  if (config.autoRemove && !comesBack) {
    const startedAt = startedAtOf(status);
    const over = { ...kept(status), ...networkIn(lease), exit, health, startedAt };
    return { ...after, status: { ...over, state: 'removing' } };
  }
  if (next.type === 'rest')
    return { ...after, status: endedStatus(record, 'exited', { exit, health, error }) };
  const restartCount = status.restartCount + 1;
  const waiting = endedStatus(record, 'restarting', { exit, health, error, restartCount });
  return { ...after, restartDelay: next.delay, status: waiting };
}

function adopted(record: InstanceRecord, event: EventOf<'adopted'>): InstanceRecord {
  const { pid, pidStartTime, paused } = event;
  const after = withAlive(record, paused ? 'paused' : 'running');
  if (pid === 0 || !isAlive(after.status)) return after;
  return { ...after, pidStartTime, status: { ...after.status, pid } };
}

function interrupted(
  record: InstanceRecord,
  { error, at, keepsLease }: EventOf<'interrupted'>,
): InstanceRecord {
  const after = keepsLease ? record : withLease(record, null);
  const unknown: ExitStatus = { code: 255, oomKilled: false, finishedAt: at };
  const exit = isAlive(record.status) ? unknown : (record.status.exit ?? unknown);
  return { ...after, status: endedStatus(after, 'exited', { exit, error }) };
}

function stopping(record: InstanceRecord): InstanceRecord {
  const { status } = record;
  if (!isAlive(status) || status.state === 'stopping') return record;
  return { ...record, status: { ...status, state: 'stopping', was: status.state } };
}

function withAlive(record: InstanceRecord, state: 'running' | 'paused'): InstanceRecord {
  const { status, lease } = record;
  if (!isAlive(status)) return record;
  const { pid, startedAt, error } = status;
  return { ...record, status: { ...kept(status), ...networkIn(lease), pid, startedAt, error, state } };
}

function wasOf(status: InstanceStatus): 'running' | 'paused' {
  return status.state === 'stopping' ? status.was : 'running';
}

/** `created` shows no network: what it holds was made ahead of its start. */
function withLease(record: InstanceRecord, lease: NetworkLease | null): InstanceRecord {
  const { status } = record;
  return {
    ...record,
    lease,
    status: status.state === 'created' ? status : { ...status, ...networkIn(lease) },
  };
}

function endedStatus(
  { status, lease }: InstanceRecord,
  state: 'exited' | 'restarting',
  change: { exit?: ExitStatus; error?: string; health?: Health | null; restartCount?: number } = {},
): InstanceStatus {
  const exit = status.exit ?? { code: 0, oomKilled: false, finishedAt: 0 };
  const over = { startedAt: startedAtOf(status), error: errorOf(status) };
  return { ...kept(status), exit, ...over, ...networkIn(lease), ...change, state };
}

function kept({
  exit,
  restartCount,
  health,
}: InstanceStatus): Pick<InstanceStatus, 'exit' | 'restartCount' | 'health'> {
  return { exit, restartCount, health };
}

function networkIn(lease: NetworkLease | null): AttachedNetwork {
  if (lease === null) return NO_NETWORK;
  return { endpoints: lease.attachments.map(({ endpoint }) => endpoint), ports: lease.ports };
}
