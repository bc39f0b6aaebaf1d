import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultPlan, withFaults } from './faults.ts';
import { createHost } from './index.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-faults-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const plan = (change: Partial<FaultPlan>): void =>
  writeFileSync(
    join(folder, 'plan'),
    JSON.stringify({ serial: 1, call: 1, times: 1, errno: 'EMFILE', when: 'before', ...change }),
  );
const outcome = (work: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(work)
    .then(
      () => 'fine',
      (error: unknown) => (error as { code: unknown }).code,
    );

test('the n-th call fails, in the way of the call, and the ones after it do not', async () => {
  const host = withFaults(createHost(), join(folder, 'plan'));
  expect(await outcome(() => host.exec.must(['true']))).toBe('fine');
  plan({ call: 2 });
  expect(host.exec.which('true')).not.toBeNull();
  const all = [];
  for (let count = 0; count < 3; count += 1) all.push(await outcome(() => host.exec.must(['true'])));
  expect(all).toEqual(['fine', 'EMFILE', 'fine']);
  plan({ serial: 2, errno: 'ENOSPC', times: 2 });
  expect(() => host.exec.spawn(['true'])).toThrow('exec.spawn true');
  expect(await outcome(() => host.files.fsync(folder))).toBe('ENOSPC');
  const calls = readFileSync(join(folder, 'plan.calls'), 'utf8').trimEnd().split('\n');
  expect(calls[0]).toBe('1 1 exec.must true');
  expect(calls.length).toBe(5);
});

test('a failure that comes after the work leaves it done', async () => {
  const host = withFaults(createHost(), join(folder, 'plan'));
  plan({ when: 'after' });
  expect(await outcome(() => host.files.writeDurable(join(folder, 'file'), 'text'))).toBe('EMFILE');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('text');
});
