import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { GcPolicy } from '../api/gc.ts';
import { type GcFacts, type InstanceFact, planCollection } from './plan.ts';

const NOW = 1_000_000;
const fact = (id: string, since: number, bytes = 10, labels: Record<string, string> = {}) => ({
  ...{ id, name: id, labels, bytes, since },
});
const instance = (id: string, since: number, more: Partial<InstanceFact> = {}): InstanceFact => ({
  ...fact(id, since),
  ...{ atRest: true, imageId: null, volumes: [] },
  ...more,
});
const FACTS: GcFacts = {
  now: NOW,
  instances: [],
  images: [],
  volumes: [],
  buildCache: { bytes: 0, newest: null },
};
const ALL: GcPolicy = {
  kinds: ['container', 'image', 'volume', 'build-cache'],
  olderThan: 0,
  keep: 0,
  maxBytes: null,
};
const ids = (facts: Partial<GcFacts>, policy: Partial<GcPolicy> = {}): string[] =>
  planCollection({ ...FACTS, ...facts }, { ...ALL, ...policy }).map(({ id }) => id);

describe('what is collected', () => {
  test('nothing that is in use, nothing that is to be kept', () => {
    const facts = {
      instances: [
        instance('runs', 1, { atRest: false, imageId: 'used', volumes: ['mounted'] }),
        instance('kept', 1, { labels: { 'hull.keep': 'true' }, imageId: 'of-kept' }),
      ],
      images: [
        fact('used', 1),
        fact('of-kept', 1),
        fact('labelled', 1, 1, { 'hull.keep': 'true' }),
        fact('free', 1),
      ],
      volumes: [
        { ...fact('mounted', 1), removable: true },
        { ...fact('snapshots', 1), removable: false },
        { ...fact('idle', 1), removable: true },
      ],
    };
    expect(ids(facts)).toEqual(['free', 'idle']);
  });
  test('what only a collected instance uses goes with it', () => {
    const facts = { instances: [instance('old', 1, { imageId: 'i' })], images: [fact('i', 1)] };
    expect(ids(facts)).toEqual(['old', 'i']);
    expect(ids(facts, { kinds: ['image'] })).toEqual([]);
  });
  test('the young stay, and as many of the youngest as are to be kept', () => {
    const instances = [instance('a', 100), instance('b', 200), instance('c', 300), instance('d', NOW - 5)];
    expect(ids({ instances }, { olderThan: 10 })).toEqual(['a', 'b', 'c']);
    expect(ids({ instances }, { keep: 2 })).toEqual(['a', 'b']);
    expect(ids({ instances }, { keep: 9 })).toEqual([]);
  });
  test('as much as needed for the size, the oldest first', () => {
    const instances = [
      instance('b', 2),
      instance('a', 1),
      instance('c', 3),
      instance('runs', 0, { atRest: false }),
    ];
    expect(ids({ instances }, { maxBytes: 40 })).toEqual([]);
    expect(ids({ instances }, { maxBytes: 25 })).toEqual(['a', 'b']);
    expect(ids({ instances }, { maxBytes: 0 })).toEqual(['a', 'b', 'c']);
  });
  test('the image of an instance that the size lets live stays', () => {
    const instances = [instance('a', 1, { imageId: 'i' }), instance('b', 2, { imageId: 'j' })];
    const images = [fact('i', 1), fact('j', 1), fact('free', 2)];
    // Of 50 bytes in all, the two instances and one image go: the other images are free by then.
    expect(ids({ instances, images }, { maxBytes: 25 })).toEqual(['a', 'b', 'i']);
    expect(ids({ instances, images }, { maxBytes: 40 })).toEqual(['a']);
    const running = [...instances, instance('c', 3, { imageId: 'free', atRest: false })];
    expect(ids({ instances: running, images }, { maxBytes: 0 })).toEqual(['a', 'b', 'i', 'j']);
  });
  test('the build cache when it rests for long enough', () => {
    expect(ids({ buildCache: { bytes: 5, newest: NOW - 10 } }, { olderThan: 11 })).toEqual([]);
    expect(ids({ buildCache: { bytes: 5, newest: NOW - 10 } }, { olderThan: 10 })).toEqual(['']);
  });
});

test('whatever is there: nothing in use, young or labelled is ever named', () => {
  const some = fc.array(
    fc.record({
      since: fc.nat(NOW),
      bytes: fc.nat(100),
      atRest: fc.boolean(),
      keep: fc.boolean(),
      image: fc.nat(4),
      volume: fc.nat(4),
    }),
    { maxLength: 8 },
  );
  const policies = fc.record({
    olderThan: fc.nat(NOW),
    keep: fc.nat(3),
    maxBytes: fc.option(fc.nat(500)),
    kinds: fc.subarray(['container', 'image', 'volume', 'build-cache'] as const),
  });
  fc.assert(
    fc.property(some, policies, (rows, policy) => {
      const instances = rows.map((row, index) =>
        instance(`c${index}`, row.since, {
          ...{ bytes: row.bytes, atRest: row.atRest, imageId: `i${row.image}`, volumes: [`v${row.volume}`] },
          labels: row.keep ? { 'hull.keep': 'true' } : {},
        }),
      );
      const images = [0, 1, 2, 3, 4].map((index) => fact(`i${index}`, index * 1000));
      const volumes = images.map((image, index) => ({ ...image, id: `v${index}`, removable: index !== 4 }));
      const actions = planCollection({ ...FACTS, instances, images, volumes }, policy);
      const gone = new Set(actions.map(({ id }) => id));
      expect(gone.size).toBe(actions.length);
      for (const action of actions) {
        expect(policy.kinds).toContain(action.kind);
        expect(action.age).toBeGreaterThanOrEqual(policy.olderThan);
      }
      for (const { id, atRest, labels, imageId, volumes: used } of instances) {
        if (gone.has(id)) expect([atRest, labels['hull.keep']]).toEqual([true, undefined]);
        else expect([imageId ?? '', ...used].filter((one) => gone.has(one))).toEqual([]);
      }
    }),
  );
});
