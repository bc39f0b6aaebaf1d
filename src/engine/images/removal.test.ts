import { describe, expect, test } from 'bun:test';
import type { Digest, Image } from '../../model/image.ts';
import { planRemoval, type RemovalFacts } from './removal.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const blob = { mediaType: '', digest: digest('b'), size: 1 };
const image = (references: readonly string[], digests: readonly string[] = []): Image => ({
  id: digest('a'),
  manifestDigest: digest('c'),
  manifest: { schemaVersion: 2, mediaType: '', config: blob, layers: [] },
  config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
  layers: [],
  references,
  digests,
  storedAt: 0,
});
const X = 'docker.io/library/x:latest';
const X2 = 'docker.io/library/x:2';
const Y = 'docker.io/library/y:latest';
const X_DIGEST = `docker.io/library/x@${digest('d')}`;
const Y_DIGEST = `docker.io/library/y@${digest('d')}`;
const stopped = { id: '1'.repeat(64), running: false };
const running = { id: '2'.repeat(64), running: true };
const plan = (facts: Partial<RemovalFacts> & Pick<RemovalFacts, 'image'>): ReturnType<typeof planRemoval> =>
  planRemoval({ reference: null, shown: 'x', users: [], force: false, ...facts });

describe('by reference', () => {
  test('the last one takes the image along, another one only itself', () => {
    expect(plan({ image: image([X]), reference: X })).toEqual({ untag: [X], remove: true });
    expect(plan({ image: image([X, Y]), reference: X })).toEqual({ untag: [X], remove: false });
  });
  test('the last tag of a repository takes its digests along', () => {
    expect(plan({ image: image([X], [X_DIGEST]), reference: X })).toEqual({
      untag: [X, X_DIGEST],
      remove: true,
    });
    expect(plan({ image: image([X, X2], [X_DIGEST]), reference: X })).toEqual({ untag: [X], remove: false });
    expect(plan({ image: image([X, Y], [X_DIGEST, Y_DIGEST]), reference: X })).toEqual({
      untag: [X, X_DIGEST],
      remove: false,
    });
    expect(plan({ image: image([X], [X_DIGEST]), reference: X_DIGEST })).toEqual({
      untag: [X_DIGEST],
      remove: false,
    });
  });
  test('an instance keeps the last name, unless forced; then the image stays without one', () => {
    for (const user of [stopped, running]) {
      const facts = { image: image([X]), reference: X, users: [user] };
      expect(plan(facts)).toEqual({
        refusal: `conflict: unable to remove repository reference "x" (must force) - container ${user.id.slice(0, 12)} is using its referenced image aaaaaaaaaaaa`,
      });
      expect(plan({ ...facts, force: true })).toEqual({ untag: [X], remove: false });
      expect(plan({ ...facts, image: image([X, Y]) })).toEqual({ untag: [X], remove: false });
    }
  });
});

describe('by id', () => {
  test('one repository goes as a whole, several only when forced', () => {
    expect(plan({ image: image([X], [X_DIGEST]) })).toEqual({ untag: [X, X_DIGEST], remove: true });
    const several = {
      refusal:
        'conflict: unable to delete aaaaaaaaaaaa (must be forced) - image is referenced in multiple repositories',
    };
    expect(plan({ image: image([X, Y]) })).toEqual(several);
    expect(plan({ image: image([X], [X_DIGEST, Y_DIGEST]) })).toEqual(several);
    expect(plan({ image: image([X, Y]), force: true })).toEqual({ untag: [X, Y], remove: true });
    expect(plan({ image: image([]) })).toEqual({ untag: [], remove: true });
  });
  test('a running instance always prevents it, a stopped one unless forced', () => {
    expect(plan({ image: image([X]), users: [stopped, running], force: true })).toEqual({
      refusal:
        'conflict: unable to delete aaaaaaaaaaaa (cannot be forced) - image is being used by running container 222222222222',
    });
    expect(plan({ image: image([X]), users: [stopped] })).toEqual({
      refusal:
        'conflict: unable to delete aaaaaaaaaaaa (must be forced) - image is being used by stopped container 111111111111',
    });
    expect(plan({ image: image([X]), users: [stopped], force: true })).toEqual({ untag: [X], remove: false });
  });
});
