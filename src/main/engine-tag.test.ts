import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimTag, releaseTag, tagOf } from './engine-tag.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-tags-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Another path that gives the same tag. */
function collision(data: string): string {
  for (let index = 0; ; index++) if (tagOf(`${data}-${index}`) === tagOf(data)) return `${data}-${index}`;
}

test('two engines whose folders give one tag get two, and keep them', () => {
  const [first, second] = ['/var/lib/hull', collision('/var/lib/hull')];
  const free = { last: undefined, bound: false };
  expect(claimTag({ data: first, ...free }, folder)).toBe(tagOf(first));
  const other = claimTag({ data: second, ...free }, folder);
  expect(other).not.toBe(tagOf(first));
  // After a restart, each its own; also when the first has given its tag back.
  expect(claimTag({ data: first, last: tagOf(first), bound: true }, folder)).toBe(tagOf(first));
  releaseTag(tagOf(first), folder);
  expect(claimTag({ data: second, last: other, bound: true }, folder)).toBe(other);
});

test('an engine whose tag was taken is refused while something of it may run, and gets another one else', () => {
  const [first, second] = ['/var/lib/hull', collision('/var/lib/hull')];
  claimTag({ data: second, last: undefined, bound: false }, folder);
  const last = tagOf(first);
  expect(() => claimTag({ data: first, last, bound: true }, folder)).toThrow(
    `the engine of ${second} uses the tag`,
  );
  expect(claimTag({ data: first, last, bound: false }, folder)).not.toBe(last);
});
