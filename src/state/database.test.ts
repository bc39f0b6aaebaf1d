import { afterEach, beforeEach, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from './database.ts';
import { MIGRATIONS } from './migrations.ts';

let folder = '';
const path = () => join(folder, 'state.db');
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-state-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was written is there when opened again, and migrations run once', () => {
  const first = openDatabase(path());
  first.run(
    "INSERT INTO volumes (name, labels, anonymous, created_at, folder) VALUES ('v', '{}', 0, 1, 'v')",
  );
  first.close();
  const second = openDatabase(path(), {
    migrations: [...MIGRATIONS, { name: 'more', statements: ['ALTER TABLE volumes ADD COLUMN note TEXT'] }],
  });
  expect(second.get('SELECT name, note FROM volumes')).toEqual({ name: 'v', note: null });
  second.close();
});

test('a database of a newer version is refused and left alone', () => {
  openDatabase(path(), {
    migrations: [...MIGRATIONS, { name: 'future', statements: ['CREATE TABLE future (x)'] }],
  }).close();
  expect(() => openDatabase(path())).toThrow('newer version');
});

test('a migration that fails leaves the version before it', () => {
  const broken = [...MIGRATIONS, { name: 'broken', statements: ['CREATE TABLE good (x)', 'CREATE TABLE ('] }];
  expect(() => openDatabase(path(), { migrations: broken })).toThrow('cannot open the state');
  const database = openDatabase(path());
  expect(database.get("SELECT 1 FROM sqlite_master WHERE name = 'good'")).toBeNull();
  database.close();
});

test('a damaged database is told as such', () => {
  const database = openDatabase(path());
  for (let index = 0; index < 500; index++)
    database.run('INSERT INTO disks VALUES (?, ?, 0, 1)', `v${index}`, 'x'.repeat(100));
  database.close();
  const bytes = readFileSync(path());
  writeFileSync(path(), bytes.fill(0x5a, 5000, bytes.length - 3000));
  expect(() => openDatabase(path())).toThrow(expect.objectContaining({ code: 'state-corrupt' }));
  writeFileSync(path(), 'this is no database at all, whatever its name says');
  expect(() => openDatabase(path())).toThrow(expect.objectContaining({ code: 'state-corrupt' }));
});

test('a transaction is all or nothing, and nests into the outer one', () => {
  const database = openDatabase(':memory:');
  const add = (name: string) => database.run("INSERT INTO disks VALUES (?, 'f', 0, 1)", name);
  expect(() =>
    database.transaction(() => {
      add('a');
      database.transaction(() => add('b'));
      throw new Error('no');
    }),
  ).toThrow('no');
  database.transaction(() => database.transaction(() => add('c')));
  expect(database.all('SELECT key FROM disks')).toEqual([{ key: 'c' }]);
});

test('durable transactions reach the disk before they return', () => {
  const script = `
    import { writeSync } from 'node:fs';
    import { openDatabase } from ${JSON.stringify(join(import.meta.dir, 'database.ts'))};
    const database = openDatabase(process.argv[2] ?? '');
    writeSync(2, 'normal\\n');
    database.run("INSERT INTO disks VALUES ('a', 'f', 0, 1)");
    writeSync(2, 'durable\\n');
    database.durably(() => database.run("INSERT INTO disks VALUES ('b', 'f', 0, 1)"));
    writeSync(2, 'end\\n');`;
  writeFileSync(join(folder, 'run.ts'), script);
  execFileSync('strace', [
    '-f',
    '-o',
    join(folder, 'trace'),
    '-e',
    'trace=fsync,fdatasync,write',
    process.execPath,
    join(folder, 'run.ts'),
    path(),
  ]);
  const trace = readFileSync(join(folder, 'trace'), 'utf8');
  const part = (from: string, to: string) => trace.slice(trace.indexOf(`"${from}`), trace.indexOf(`"${to}`));
  expect(part('normal', 'durable')).not.toContain('sync(');
  expect(part('durable', 'end')).toContain('sync(');
});

test('changes go on when the disk is full: the space for them was taken at the start', () => {
  const sizes = (): number[] => [path(), `${path()}-wal`].map((file) => statSync(file).size);
  const spoken = 4 * 1024 * 1024;
  for (const _opened of ['first', 'again']) {
    const database = openDatabase(path());
    const before = sizes();
    expect(Math.min(...before)).toBeGreaterThan(spoken);
    for (let count = 0; count < 1000; count += 1)
      database.run(
        'INSERT OR REPLACE INTO instances (id, record) VALUES (?, ?)',
        `${count % 100}`,
        'x'.repeat(5000),
      );
    expect(sizes()).toEqual(before);
    expect(database.get("SELECT 1 FROM sqlite_master WHERE name = 'reserve'")).toBeNull();
    database.close();
  }
});
