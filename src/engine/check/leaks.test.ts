import { expect, test } from 'bun:test';
import type { Leftover } from '../../model/leftover.ts';
import { createHost } from '../../host/index.ts';
import { openDatabase } from '../../state/database.ts';
import { Registry } from '../instances/registry.ts';
import { findLeaks } from './leaks.ts';

const leftover = (kind: Leftover['kind'], owner: string): Leftover => ({
  kind,
  what: `${kind} of ${owner}`,
  owner,
  remove: () => Promise.resolve(),
});

test('a build step that runs is no leak, though no record knows it; one that a killed daemon left is', async () => {
  const [running, left] = ['b'.repeat(64), 'c'.repeat(64)];
  const found = [
    leftover('cgroup', running),
    leftover('cgroup', left),
    leftover('namespace', running.slice(0, 12)),
  ];
  // The engine's own, which stays while the engine lives.
  const parent: Leftover = { ...leftover('cgroup', ''), what: 'hull-abcd', owner: null };
  const none = { inventory: () => Promise.resolve([]) };
  const leaks = await findLeaks({
    host: createHost(),
    identity: { tag: 'abcd', dataDir: '/data', runDir: '/nonexistent' },
    registry: new Registry(openDatabase(':memory:')),
    catalog: { damaged: () => [] },
    network: none,
    roots: none,
    uses: { inventory: () => [] },
    filesAtRest: { has: () => false },
    runtimes: {
      container: { inventory: () => Promise.resolve([...found, parent]) },
      sandbox: none,
      vm: none,
    },
    builder: {
      owns: (id) => running.startsWith(id),
      inventory: () => [leftover('folder', left.slice(0, 16))],
    },
  });
  expect(leaks.map(({ what }) => what).toSorted()).toEqual([
    `cgroup of ${left}`,
    `folder of ${left.slice(0, 16)}`,
  ]);
});
