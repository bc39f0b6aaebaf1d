import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import * as v from 'valibot';
import type { InstanceConfig, RestartPolicy } from '../../model/instance.ts';
import { type InstanceState, networkOf } from '../../model/instance-status.ts';
import { STATUSES } from '../../model/testing/statuses.ts';
import type { NetworkLease } from '../../network/network.ts';
import type { InstanceRecord } from './record.ts';
import { statusSchema, withStatusOfItsState, withWholeStatus } from './status-format.ts';
import { createdRecord, type EventType, type InstanceEvent, transition, TRANSITIONS } from './transition.ts';

const STATES = Object.keys(STATUSES) as InstanceState[];
const ENDPOINT = {
  ...{ network: 'bridge', networkId: 'b'.repeat(64), endpointId: 'e', link: 'eth0' },
  ...{ address: '10.9.0.2', prefixLength: 16, gateway: '10.9.0.1', ipv6: null },
  ...{ macAddress: '', aliases: [], names: [] },
};
const LEASE = {
  mode: 'bridge',
  attachments: [{ endpoint: ENDPOINT }],
  ports: [{ protocol: 'tcp', containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 }],
} as unknown as NetworkLease;
const CONFIG = { id: 'f'.repeat(64), name: 'some', autoRemove: false } as InstanceConfig;

const exit = fc.record({ code: fc.nat(255), oomKilled: fc.boolean(), finishedAt: fc.nat() });
const health = fc.constant({ status: 'healthy', failingStreak: 0, log: [] } as const);
const pid = fc.integer({ min: 1, max: 4_000_000 });
const flag = fc.boolean();

/** One of every kind; what the table lacks does not compile. */
const EVENTS: { readonly [T in EventType]: fc.Arbitrary<InstanceEvent & { type: T }> } = {
  starting: fc.record({ type: fc.constant('starting'), bootId: fc.string(), byPolicy: flag }),
  attached: fc.constant({ type: 'attached', lease: LEASE }),
  'taken-apart': fc.constant({ type: 'taken-apart' }),
  started: fc.record({ type: fc.constant('started'), pid, pidStartTime: fc.nat(), startedAt: fc.nat() }),
  'start-failed': fc.record({
    ...{ type: fc.constant('start-failed'), exit, error: fc.string(), keepsLease: flag },
  }),
  paused: fc.constant({ type: 'paused' }),
  resumed: fc.constant({ type: 'resumed' }),
  stopping: fc.record({ type: fc.constant('stopping'), comesBack: flag }),
  outlived: fc.constant({ type: 'outlived' }),
  ended: fc.record({ type: fc.constant('ended'), exit, comesBack: flag }),
  retry: fc.record({ type: fc.constant('retry'), delay: fc.nat() }),
  rested: fc.constant({ type: 'rested' }),
  adopted: fc.record({
    ...{ type: fc.constant('adopted'), pid: fc.oneof(fc.constant(0), pid) },
    ...{ pidStartTime: fc.nat(), paused: flag },
  }),
  interrupted: fc.record({
    ...{ type: fc.constant('interrupted'), error: fc.string(), at: fc.nat(), keepsLease: flag },
  }),
  removing: fc.record({ type: fc.constant('removing'), exit: fc.option(exit) }),
  troubled: fc.record({ type: fc.constant('troubled'), error: fc.string() }),
  probed: fc.record({ type: fc.constant('probed'), health }),
  replaced: fc.record({ type: fc.constant('replaced'), restartCount: fc.nat() }),
  killed: fc.constant({ type: 'killed' }),
  'put-off': fc.record({ type: fc.constant('put-off'), comesBack: flag }),
};
const anyEvent: fc.Arbitrary<InstanceEvent> = fc.oneof(...Object.values(EVENTS));
const policy = fc.record({
  name: fc.constantFrom<RestartPolicy['name']>('no', 'always', 'unless-stopped', 'on-failure'),
  maximumRetryCount: fc.nat(3),
});

/** The record after `events`, those that are refused left out; each step is looked at. */
function after(
  record: InstanceRecord,
  events: readonly InstanceEvent[],
  look: (before: InstanceRecord, event: InstanceEvent, after: InstanceRecord | null) => void,
): InstanceRecord {
  return events.reduce((before, event) => {
    const next = transition(before, event);
    look(before, event, 'record' in next ? next.record : null);
    return 'record' in next ? next.record : before;
  }, record);
}

describe('the table of transitions', () => {
  test('no sequence of events leaves it, and each state has its own fields and no others', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 40 }),
        policy,
        flag,
        (events, restartPolicy, autoRemove) => {
          const config = { ...CONFIG, restartPolicy, autoRemove };
          after(createdRecord(config), events, (before, event, next) => {
            const allowed = TRANSITIONS[event.type].to[before.status.state];
            expect(next === null).toBe(allowed === undefined);
            if (next === null) return;
            expect(allowed).toContain(next.status.state);
            expect(Object.keys(next.status).toSorted()).toEqual(
              Object.keys(STATUSES[next.status.state]).toSorted(),
            );
            // What is written down is what the next daemon reads.
            expect(v.is(statusSchema, JSON.parse(JSON.stringify(next.status)))).toBe(true);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every refusal has a name, and changes nothing', () => {
    for (const type of Object.keys(TRANSITIONS) as EventType[]) {
      const { to, otherwise } = TRANSITIONS[type];
      expect(otherwise).toMatch(/^(not|still|being)-[a-z-]+$/);
      for (const state of STATES.filter((one) => to[one] === undefined)) {
        const record = { ...createdRecord(CONFIG), status: STATUSES[state] };
        for (const event of fc.sample<InstanceEvent>(EVENTS[type], 3))
          expect(transition(record, event)).toEqual({ refusal: otherwise });
      }
    }
  });

  test('each place that the table names is reached', () => {
    const reached = new Set<string>();
    for (const [type, { to }] of Object.entries(TRANSITIONS))
      for (const state of Object.keys(to) as InstanceState[])
        for (const each of [false, true])
          for (const event of fc.sample<InstanceEvent>(EVENTS[type as EventType], 60)) {
            const config = { ...CONFIG, autoRemove: each, restartPolicy: ALWAYS };
            const stopped =
              state === 'stopping' ? { ...STATUSES.stopping, was: wasOf(each) } : STATUSES[state];
            const startedAt = each ? { startedAt: 1 } : { startedAt: null };
            const status = state === 'starting' ? { ...STATUSES.starting, ...startedAt } : stopped;
            for (const manuallyStopped of [false, true]) {
              const next = transition({ ...createdRecord(config), status, manuallyStopped }, event);
              if ('record' in next) reached.add(`${type} ${state} ${next.record.status.state}`);
            }
          }
    const named = Object.entries(TRANSITIONS).flatMap(([type, { to }]) =>
      Object.entries(to).flatMap(([state, next]) => next.map((one) => `${type} ${state} ${one}`)),
    );
    expect([...reached].toSorted()).toEqual(named.toSorted());
  });

  test('a network is shown exactly while its lease is held, by what was started', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        after(createdRecord(CONFIG), events, (_before, _event, next) => {
          if (next === null || next.status.state === 'created') return;
          expect(networkOf(next.status).endpoints.length).toBe(next.lease === null ? 0 : 1);
        });
      }),
    );
  });
});

const ALWAYS: RestartPolicy = { name: 'always', maximumRetryCount: 0 };
const wasOf = (paused: boolean): 'running' | 'paused' => (paused ? 'paused' : 'running');

describe('the life of an instance', () => {
  const start: readonly InstanceEvent[] = [
    { type: 'starting', bootId: 'boot', byPolicy: false },
    { type: 'attached', lease: LEASE },
    { type: 'started', pid: 9, pidStartTime: 5, startedAt: 100 },
  ];
  const ended: InstanceEvent = {
    ...{ type: 'ended', exit: { code: 3, oomKilled: false, finishedAt: 200 }, comesBack: false },
  };
  const life = (config: Partial<InstanceConfig>, ...events: readonly InstanceEvent[]): InstanceRecord =>
    after({ ...createdRecord({ ...CONFIG, ...config }) }, events, (_before, event, next) => {
      if (next === null) throw new Error(`${event.type} was refused`);
    });

  test('how the run before ended is kept over a start', () => {
    const again = life({}, ...start, ended, { type: 'taken-apart' }, ...start);
    expect(again.status).toMatchObject({ state: 'running', pid: 9, exit: { code: 3, finishedAt: 200 } });
  });
  test('a run that nobody saw end has an unknown status, not that of the run before', () => {
    const cut = life({}, ...start, ended, ...start, {
      type: 'interrupted',
      error: 'why',
      at: 300,
      keepsLease: false,
    });
    expect(cut.status).toMatchObject({ state: 'exited', exit: { code: 255, finishedAt: 300 }, error: 'why' });
    expect(cut.lease).toBeNull();
  });
  test('a paused instance that outlives its stop is paused again', () => {
    const stop: InstanceEvent = { type: 'stopping', comesBack: true };
    const record = life({}, ...start, { type: 'paused' }, stop, stop, { type: 'outlived' });
    expect([record.status.state, record.comesBack]).toEqual(['paused', false]);
  });
  test('an end leads where the policy and --rm want', () => {
    expect(life({}, ...start, ended).status.state).toBe('exited');
    expect(life({ autoRemove: true }, ...start, ended).status.state).toBe('removing');
    expect(life({ autoRemove: true }, ...start, { ...ended, comesBack: true }).status.state).toBe('exited');
    const waiting = life({ restartPolicy: ALWAYS }, ...start, ended);
    expect(waiting).toMatchObject({ restartDelay: 100, status: { state: 'restarting', restartCount: 1 } });
    const stopped = life({ restartPolicy: ALWAYS }, ...start, { type: 'stopping', comesBack: false }, ended);
    expect(stopped.status.state).toBe('exited');
  });
});

test('a record of an older engine, with all fields in every state, is read as its state has them', () => {
  const all = { pid: 0, startedAt: 1, exit: null, error: 'e', endpoints: [], ports: [], restartCount: 2 };
  for (const state of STATES) {
    const { status } = withStatusOfItsState(withWholeStatus({ status: { ...all, state } }));
    expect(v.is(statusSchema, status)).toBe(true);
    expect(Object.keys(status as object).toSorted()).toEqual(Object.keys(STATUSES[state]).toSorted());
  }
});
