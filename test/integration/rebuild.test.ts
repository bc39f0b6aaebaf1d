import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HULL, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** A database that is lost, damaged or too old, and what comes back of it: with a real daemon, real instances, and `hull check --rebuild`. */
const engine = new TestEngine();
const LONG = 180_000;
const files = ['hull.db', 'hull.db-wal', 'hull.db-shm'].map((name) => join(engine.data, name));
const [database = ''] = files;
const records = join(engine.data, 'records');
let pid = 0;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  const context = join(engine.folder, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo made > /made\nENV A=b\n');
  await engine.must(['build', '-q', '-t', 'own:1', context]);
  await engine.must(['tag', 'own:1', 'example.org/own:2']);
  await engine.must(['volume', 'create', '--label', 'a=b', 'kept']);
  await engine.must(['network', 'create', 'net']);
  const options = ['--network', 'net', '-v', 'kept:/data', '-p', '127.0.0.1::80', '--label', 'c=d'];
  await engine.must([
    'run',
    '-d',
    '--name',
    'lives',
    ...options,
    'own:1',
    'sh',
    '-c',
    'echo x > /data/x; sleep 10000',
  ]);
  await engine.hull(['run', '--name', 'rests', 'own:1', 'sh', '-c', 'echo precious > /file; exit 3']);
  pid = Number((await engine.inspect('lives')).State['Pid']);
  await copied();
}, LONG);
afterAll(() => engine.destroy(), LONG);

/** Waits until the copies of the records have followed. */
async function copied(): Promise<void> {
  const state = join(records, 'generation');
  for (let last = ''; ;) {
    await Bun.sleep(1200);
    const now = existsSync(state) ? readFileSync(state, 'utf8') : '';
    if (now === last && now !== '') return;
    last = now;
  }
}

/** The daemon was told to end, and has closed its database. */
const ended = () => until('the daemon ends', () => Promise.resolve(existsSync(files[1] ?? '') ? null : true));

const rebuild = () =>
  engine.host.exec.run([HULL, 'check', '--rebuild', '--data', engine.data], { timeout: LONG });

/** Everything is there, runs, and is named as before. */
async function isWhole(): Promise<void> {
  expect(Number((await engine.inspect('lives')).State['Pid'])).toBe(pid);
  expect(await engine.must(['exec', 'lives', 'cat', '/made', '/data/x'])).toBe('made\nx');
  expect(await engine.must(['inspect', '-f', '{{.State.ExitCode}} {{.Config.Image}}', 'rests'])).toBe(
    '3 own:1',
  );
  await engine.must(['cp', 'rests:/file', join(engine.folder, 'file')]);
  expect(readFileSync(join(engine.folder, 'file'), 'utf8')).toBe('precious\n');
  const names = (await engine.must(['images', '--format', '{{.Repository}}:{{.Tag}}']))
    .split('\n')
    .toSorted();
  expect(names).toEqual(['busybox:latest', 'example.org/own:2', 'own:1']);
  expect(await engine.must(['volume', 'inspect', '-f', '{{.Labels}}', 'kept'])).toBe('map[a:b]');
  expect(await engine.must(['network', 'ls', '-q', '--filter', 'name=net'])).not.toBe('');
  expect(await engine.must(['run', '--rm', '--network', 'net', 'own:1', 'sh', '-c', 'echo $A'])).toBe('b');
  expect((await engine.hull(['check', '--deep'])).code).toBe(0);
}

test(
  'a lost database is made again: what runs goes on, what rests has its files, all keep their names',
  async () => {
    await isWhole();
    await engine.crash();
    for (const file of files) rmSync(file, { force: true });
    const { code, stdout } = await rebuild();
    expect([code, stdout]).toEqual([0, expect.stringContaining('restored: instance lives')]);
    await engine.start();
    await isWhole();
  },
  LONG,
);

test(
  'a rebuild that is killed at any moment is done again',
  async () => {
    await engine.crash();
    for (const file of files) rmSync(file, { force: true });
    for (let round = 0; round < 12; round++) {
      const child = engine.host.exec.spawn([HULL, 'check', '--rebuild', '--data', engine.data]);
      await Bun.sleep(40 + round * 15);
      child.kill('SIGKILL');
      await child.exited;
      // Half of the time without what the killed one had finished.
      if (round % 2 === 0) for (const file of files) rmSync(file, { force: true });
    }
    if (!existsSync(database)) expect((await rebuild()).code).toBe(0);
    await engine.start();
    await isWhole();
  },
  LONG,
);

test(
  'a rebuild is refused while the daemon runs',
  async () => {
    const { code, stderr } = await rebuild();
    expect([code, stderr]).toEqual([1, expect.stringContaining('another hull daemon')]);
    await isWhole();
  },
  LONG,
);

test(
  'a database that was put back from a backup learns from the copies what it lacks, and nothing is lost',
  async () => {
    await engine.must(['shutdown']);
    await ended();
    const backup = join(engine.folder, 'backup.db');
    cpSync(database, backup);
    await engine.start();
    await engine.must(['run', '-d', '--name', 'newer', 'own:1', 'sleep', '10000']);
    await engine.must(['rename', 'rests', 'renamed']);
    await engine.must(['volume', 'create', 'newer']);
    await engine.must(['tag', 'own:1', 'newest']);
    const newer = Number((await engine.inspect('newer')).State['Pid']);
    await copied();
    await engine.crash();
    for (const file of files) rmSync(file, { force: true });
    cpSync(backup, database);
    await engine.start();
    expect(readFileSync(engine.logPath, 'utf8')).toContain('the database is older than its copies');
    expect(Number((await engine.inspect('newer')).State['Pid'])).toBe(newer);
    await engine.must(['exec', 'newer', 'true']);
    await engine.must(['rm', '-f', 'newer']);
    await engine.must(['rmi', 'newest']);
    await engine.must(['volume', 'rm', 'newer']);
    await engine.must(['rename', 'renamed', 'rests']);
    await isWhole();
    expect(await engine.findings()).toBe('');
    await copied();
  },
  LONG,
);

test(
  'of a database with damaged pages the rest is read, without any copy',
  async () => {
    await engine.must(['shutdown']);
    await ended();
    rmSync(records, { recursive: true });
    // The page with a step of the build cache, which nobody needs: SQLite calls the whole file damaged.
    const rows = new DatabaseSync(database);
    rows.exec("INSERT INTO build_steps VALUES ('a step to be damaged', NULL, 1)");
    rows.close();
    const bytes = readFileSync(database);
    const page = Math.floor(bytes.indexOf('a step to be damaged') / 4096) * 4096;
    expect(page).toBeGreaterThan(0);
    writeFileSync(database, bytes.fill(0xff, page, page + 4096));
    const refused = await engine.start().catch((error: unknown) => error);
    expect(String(refused)).toContain(`hull check --rebuild --data ${engine.data}`);
    const { code, stdout } = await rebuild();
    expect([code, stdout]).toEqual([0, expect.stringContaining('from the old database')]);
    await engine.start();
    await isWhole();
    await copied();
  },
  LONG,
);

test(
  'with neither database nor copies, images come back by their manifests and volumes by their folders',
  async () => {
    await engine.must(['rm', '-f', 'lives', 'rests']);
    const id = (await engine.must(['images', '-q', '--no-trunc', 'own:1'])).trim();
    await engine.must(['shutdown', '--stop']);
    await ended();
    for (const file of files) rmSync(file, { force: true });
    rmSync(records, { recursive: true });
    const { stdout } = await rebuild();
    expect(stdout).toContain(`restored: image ${id} by its manifest`);
    expect(stdout).toContain('restored: volume kept');
    await engine.start();
    expect((await engine.hull(['check', '--repair'])).code).toBe(0);
    expect(
      await engine.must(['run', '--rm', '-v', 'kept:/data', id, 'sh', '-c', 'cat /made /data/x; echo $A']),
    ).toBe('made\nx\nb');
    // The unpacked layers that no record named are kept until somebody says so.
    expect(readdirSync(join(engine.data, 'set-aside')).length).toBeGreaterThan(0);
    await engine.must(['check', '--discard']);
    expect((await engine.hull(['check', '--deep'])).code).toBe(0);
  },
  LONG,
);
