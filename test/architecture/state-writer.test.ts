import { expect, test } from 'bun:test';
import { isTest, lineAt, sourceFiles, type SourceFile, withoutComments } from './source-files.ts';

/** Decides what an instance's state becomes. */
const WRITER = 'src/engine/instances/transition.ts';
/** Writes down what the writer decided, and nothing else. */
const KEEPER = 'src/engine/instances/registry.ts';
/** Reads what was written down. */
const READER = 'src/engine/instances/status-format.ts';

const STATE = 'created|starting|running|paused|stopping|restarting|exited|removing';
/** A status put together, or changed by spreading. */
const WRITES = [new RegExp(`\\bstate: '(?:${STATE})'(?! *[;|)])`, 'g'), /\.\.\.(?:\w+\.)*status\b/g];

function places({ path, text }: SourceFile, pattern: RegExp): string[] {
  const code = withoutComments(text);
  return [...code.matchAll(pattern)].map(({ index, 0: found }) => `${path}:${lineAt(code, index)}: ${found}`);
}

const writes = (file: SourceFile): string[] => WRITES.flatMap((pattern) => places(file, pattern));

const files = sourceFiles('src/engine').filter(({ path }) => !isTest(path));

test('nobody but `transition` makes a status of an instance', () => {
  const others = files.filter(({ path }) => path !== WRITER && path !== READER);
  expect(others.flatMap(writes)).toEqual([]);
});

test('nobody but the registry asks for a transition, or writes the table of instances', () => {
  const calls = files.flatMap((file) => places(file, /\btransition\(/g));
  expect(calls.filter((place) => !place.startsWith(WRITER) && !place.startsWith(KEEPER))).toEqual([]);
  const sql = sourceFiles('src')
    .filter(({ path }) => !isTest(path) && path !== KEEPER)
    .flatMap((file) => places(file, /(?:INSERT INTO|UPDATE|DELETE FROM) instances\b/g));
  expect(sql).toEqual([]);
});

test('the checker sees what it forbids', () => {
  const planted = (text: string): number => writes({ path: 'src/engine/a.ts', text }).length;
  expect(planted(`registry.put({ ...record, status: { ...record.status, pid: 0 } });`)).toBe(1);
  expect(planted(`const over = { ...kept, state: 'exited' };`)).toBe(1);
  expect(planted(`if (record.status.state === 'exited') return { config, status };`)).toBe(0);
  expect(files.map(({ path }) => path)).toContain(READER);
  expect(files.filter(({ path }) => path === WRITER).flatMap(writes).length).toBeGreaterThan(5);
});
