import { afterEach, beforeEach, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Libc } from './libc.ts';
import { NameWatch } from './name-watch.ts';

let folder: string;
let watch: NameWatch;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-names-'));
  watch = new NameWatch(new Libc());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come about');
    await Bun.sleep(2);
  }
}

test('tells of names that are made and moved in, not of what is written', async () => {
  const seen: (string | null)[] = [];
  writeFileSync(join(folder, 'old'), '');
  const stop = watch.watch(folder, (name) => seen.push(name));
  appendFileSync(join(folder, 'old'), 'text');
  writeFileSync(join(folder, 'new'), 'text');
  renameSync(join(folder, 'new'), join(folder, 'moved ü'));
  await eventually(() => seen.length === 2);
  expect(seen).toEqual(['new', 'moved ü']);
  stop();
  writeFileSync(join(folder, 'later'), '');
  await Bun.sleep(20);
  expect(seen).toHaveLength(2);
});

test('two who look at one folder, of whom one leaves', async () => {
  const seen: string[] = [];
  const stop = watch.watch(folder, (name) => seen.push(`first ${name}`));
  watch.watch(folder, (name) => seen.push(`second ${name}`));
  stop();
  stop();
  writeFileSync(join(folder, 'a'), '');
  await eventually(() => seen.length > 0);
  expect(seen).toEqual(['second a']);
});

test('a folder that goes, and one that is not there', async () => {
  const inner = join(folder, 'inner');
  mkdirSync(inner);
  const stop = watch.watch(inner, () => undefined);
  rmSync(inner, { recursive: true });
  await Bun.sleep(20);
  stop();
  expect(() => watch.watch(inner, () => undefined)).toThrow('ENOENT');
});

test('many names in many folders: none is lost', async () => {
  const seen = new Set<string>();
  for (let each = 0; each < 200; each++) {
    mkdirSync(join(folder, String(each)));
    watch.watch(join(folder, String(each)), (name) => seen.add(`${each}/${name}`));
  }
  for (let name = 0; name < 40; name++) {
    for (let each = 0; each < 200; each++) {
      writeFileSync(join(folder, String(each), `${'n'.repeat(name * 5)}${name}`), '');
    }
  }
  await eventually(() => seen.size === 8000);
});
