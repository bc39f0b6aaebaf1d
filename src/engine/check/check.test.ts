import { expect, test } from 'bun:test';
import { createHost } from '../../host/index.ts';
import { openDatabase } from '../../state/database.ts';
import type { InstanceRecord } from '../instances/record.ts';
import { Registry } from '../instances/registry.ts';
import { check, stuckRemovals, type CheckParts } from './check.ts';

const ID = 'a'.repeat(64);

function partsWith(registry: Registry, busy: boolean, retry: () => void): CheckParts {
  const none = { inventory: () => Promise.resolve([]) };
  return {
    host: createHost(),
    identity: { tag: 'abcd', dataDir: '/data', runDir: '/nonexistent' },
    registry,
    network: none,
    roots: none,
    uses: { inventory: () => [] },
    filesAtRest: { has: () => false },
    volumes: { problems: () => [] },
    damagedRows: () => [],
    catalog: { damaged: () => [] },
    setAside: { list: () => [], discard: () => undefined },
    sources: { images: { find: () => null, damaged: () => null }, machines: { list: () => [] } },
    runtimes: { container: none, sandbox: none, vm: none },
    builder: { owns: () => false, inventory: () => [] },
    stuck: {
      list: () => stuckRemovals(registry, { busy: () => busy }),
      retry: () => Promise.resolve(retry()),
    },
    examineImages: () => Promise.resolve([]),
  };
}

function registryWithRemoval(): Registry {
  const registry = new Registry(openDatabase(':memory:'));
  const config = { id: ID, name: 'half-gone', createdAt: 1 };
  // Only what a registry looks at.
  registry.insert({ config, status: { state: 'removing' } } as unknown as InstanceRecord);
  return registry;
}

test('a removal that failed is told, and tried again by repair', async () => {
  const registry = registryWithRemoval();
  let retried = 0;
  const parts = partsWith(registry, false, () => {
    retried += 1;
    registry.delete(ID);
  });
  const [told] = await check(parts, { repair: false, deep: false, discard: false });
  expect(told).toMatchObject({ kind: 'instance', what: 'half-gone', repaired: false });
  expect(retried).toBe(0);
  const [repaired] = await check(parts, { repair: true, deep: false, discard: false });
  expect(repaired).toMatchObject({ what: 'half-gone', repaired: true });
  expect(await check(parts, { repair: false, deep: false, discard: false })).toEqual([]);
});

test('a removal that fails again says so, and one under way is no finding', async () => {
  const again = partsWith(registryWithRemoval(), false, () => undefined);
  const [finding] = await check(again, { repair: true, deep: false, discard: false });
  expect(finding?.note).toContain('did not end this time either');
  expect(
    await check(
      partsWith(registryWithRemoval(), true, () => undefined),
      { repair: true, deep: false, discard: false },
    ),
  ).toEqual([]);
});
