import { describe, expect, test } from 'bun:test';
import { nanosecondsOf } from '../lib/timestamp.ts';
import type { EngineEvent } from './api.ts';
import { EventBus } from './events.ts';

/** A bus whose clock stands at `time.now` milliseconds. */
function busAt(time: { now: number }): EventBus {
  return new EventBus(() => BigInt(time.now) * 1_000_000n);
}

async function collect(events: AsyncIterable<EngineEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) seen.push(event.action);
  return seen;
}

describe('events', () => {
  test('the past from `since` on, then live ones, none lost or doubled in between', async () => {
    const time = { now: 1000 };
    const bus = busAt(time);
    bus.publish('container', 'before', 'x');
    time.now = 2000;
    bus.publish('container', 'past', 'x');
    const over = new AbortController();
    const seen = collect(bus.subscribe({ since: nanosecondsOf(2000), until: null }, over.signal));
    bus.publish('container', 'live', 'x');
    await Bun.sleep(1);
    bus.publish('container', 'later', 'x');
    await Bun.sleep(1);
    over.abort();
    expect(await seen).toEqual(['past', 'live', 'later']);
    expect(bus.listeners).toBe(0);
  });

  test('without `since` only what comes; `until` in the past ends at once', async () => {
    const bus = busAt({ now: Date.now() - 5000 });
    bus.publish('container', 'past', 'x');
    expect(await collect(bus.subscribe({ since: null, until: nanosecondsOf(Date.now() - 1) }))).toEqual([]);
    expect(await collect(bus.subscribe({ since: 1n, until: nanosecondsOf(Date.now() - 1) }))).toEqual([
      'past',
    ]);
  });

  test('`until` between two milliseconds ends it too; the far future does not', async () => {
    const bus = new EventBus();
    for (let index = 0; index < 20; index++)
      expect(await collect(bus.subscribe({ since: null, until: nanosecondsOf(Date.now() + 1.99) }))).toEqual(
        [],
      );
    const over = new AbortController();
    const far = collect(
      bus.subscribe({ since: null, until: nanosecondsOf(Date.now() + 2 ** 40) }, over.signal),
    );
    bus.publish('container', 'live', 'x');
    await Bun.sleep(5);
    over.abort();
    expect(await far).toEqual(['live']);
  });

  test('`until` in the future ends it then', async () => {
    const bus = new EventBus();
    const began = Date.now();
    expect(await collect(bus.subscribe({ since: null, until: nanosecondsOf(began + 30) }))).toEqual([]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(29);
  });

  test('what comes before a `since` of the future is not told', async () => {
    const time = { now: Date.now() };
    const bus = busAt(time);
    const over = new AbortController();
    const seen = collect(
      bus.subscribe({ since: nanosecondsOf(time.now + 10_000), until: null }, over.signal),
    );
    bus.publish('container', 'early', 'x');
    time.now += 20_000;
    bus.publish('container', 'due', 'x');
    await Bun.sleep(1);
    over.abort();
    expect(await seen).toEqual(['due']);
  });

  test('every event has a time of its own', () => {
    const bus = busAt({ now: 5 });
    const seen: bigint[] = [];
    const read = async (): Promise<void> => {
      for await (const { timeNano } of bus.subscribe({ since: 1n, until: nanosecondsOf(10) }))
        seen.push(timeNano);
    };
    for (let count = 0; count < 3; count++) bus.publish('container', 'same', 'x');
    return read().then(() => expect(seen).toEqual([5_000_000n, 5_000_001n, 5_000_002n]));
  });

  test('`since` and `until` are exact', async () => {
    const bus = new EventBus(() => 1_700_000_000_123_456_789n);
    for (const action of ['a', 'b', 'c', 'd']) bus.publish('container', action, 'x');
    const [since, until] = [1_700_000_000_123_456_790n, 1_700_000_000_123_456_791n];
    expect(await collect(bus.subscribe({ since, until }))).toEqual(['b', 'c']);
  });

  test('one who does not read is broken off, and costs bounded memory', async () => {
    const bus = new EventBus();
    const events = bus.subscribe({ since: null, until: null });
    const first = events.next();
    for (let count = 0; count < 40_000; count++) bus.publish('container', 'flood', 'x');
    expect(await first.catch(String)).toContain('waiting to be read');
    expect(bus.listeners).toBe(0);
  });
});
