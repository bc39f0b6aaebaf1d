import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** What the engine removes, and refuses to remove: each case with a real daemon whose folders or database are not what they were. */
const engine = new TestEngine();
const LONG = 120_000;
const database = join(engine.data, 'hull.db');
const aside = join(engine.folder, 'aside');

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  await engine.must(['volume', 'create', 'kept']);
  await engine.must(['run', '-d', '--name', 'lives', '-v', 'kept:/data', 'busybox', 'sleep', '10000']);
  await engine.must(['run', '--name', 'rests', 'busybox', 'sh', '-c', 'echo precious > /file']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

/** What lies in the folders that hold what cannot be made again. */
function contents(): string[] {
  return ['blobs/sha256', 'l', 'instances', 'volumes', 'machines'].flatMap((folder) =>
    readdirSync(join(engine.data, folder)).map((name) => `${folder}/${name}`),
  );
}

/** The message that a daemon refuses to start with. */
async function refusalOf(refused: TestEngine): Promise<string> {
  try {
    await refused.start();
  } catch (error) {
    return String(error);
  }
  await refused.destroy();
  throw new Error('the daemon started');
}

async function isAlive(): Promise<boolean> {
  return engine.host.processes.alive(pid) && (await engine.hull(['exec', 'lives', 'true'])).code === 0;
}
let pid = 0;

test(
  'a second data folder cannot take the run folder, whether the first daemon runs or not',
  async () => {
    pid = Number((await engine.inspect('lives')).State['Pid']);
    const second = new TestEngine({ run: engine.run });
    expect(await refusalOf(second)).toContain(`another hull daemon`);
    await engine.crash();
    const said = await refusalOf(second);
    expect(said).toContain(`the run folder ${engine.run} belongs to the engine of ${engine.data}`);
    expect(said).toContain('hull shutdown --stop');
    expect(engine.host.processes.alive(pid)).toBe(true);
    // Nor can the first take another run folder, where it would not see what runs.
    const elsewhere = new TestEngine({ data: engine.data, run: join(engine.folder, 'other') });
    expect(await refusalOf(elsewhere)).toContain(`in the run folder ${engine.run}`);
    await engine.start();
    expect(await isAlive()).toBe(true);
    rmSync(second.folder, { recursive: true });
    rmSync(elsewhere.folder, { recursive: true });
  },
  LONG,
);

test(
  'a copy of a data folder is refused while the first lives',
  async () => {
    const copy = join(engine.folder, 'copy');
    cpSync(join(engine.data, 'engine.json'), join(copy, 'engine.json'), { recursive: true });
    const second = new TestEngine({ data: copy });
    expect(await refusalOf(second)).toContain(`is a copy of ${engine.data}`);
    rmSync(second.folder, { recursive: true });
  },
  LONG,
);

test.each([
  ['missing', (): void => undefined],
  ['empty', () => writeFileSync(database, '')],
  ['without a table', () => new DatabaseSync(database).exec('VACUUM')],
  ['of another engine', () => strangeDatabase()],
  [
    'cut short',
    () => {
      cpSync(join(aside, 'hull.db'), database);
      truncateSync(database, 9000);
    },
  ],
] as const)(
  'a data folder whose database is %s is refused, and nothing of it is touched',
  async (_, lose) => {
    await engine.crash();
    const before = contents();
    mkdirSync(aside);
    for (const name of ['hull.db', 'hull.db-wal', 'hull.db-shm'])
      if (existsSync(join(engine.data, name))) renameSync(join(engine.data, name), join(aside, name));
    lose();
    expect(await refusalOf(engine)).toContain(`hull check --rebuild --data ${engine.data}`);
    expect(contents()).toEqual(before);
    expect(engine.host.processes.alive(pid)).toBe(true);
    for (const name of ['hull.db', 'hull.db-wal', 'hull.db-shm'])
      rmSync(join(engine.data, name), { force: true });
    for (const name of readdirSync(aside)) renameSync(join(aside, name), join(engine.data, name));
    rmSync(aside, { recursive: true });
    await engine.start();
    expect(await isAlive()).toBe(true);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);

/** A database that is whole, but says that it is somebody else's. */
function strangeDatabase(): void {
  cpSync(aside, engine.data, { recursive: true });
  const strange = new DatabaseSync(database);
  strange.exec("UPDATE engine SET id = '00000000-0000-4000-8000-000000000000'");
  strange.close();
}

test(
  'a data folder of a newer version is refused, and not even its journal is touched',
  async () => {
    await engine.crash();
    const marked = join(engine.data, 'engine.json');
    const mark = readFileSync(marked, 'utf8');
    const written = JSON.parse(mark) as { state: number };
    const before = readFileSync(database);
    writeFileSync(marked, JSON.stringify({ ...written, state: written.state + 1 }));
    expect(await refusalOf(engine)).toContain('was written by a newer version of hull');
    writeFileSync(marked, JSON.stringify({ ...written, format: 2 }));
    expect(await refusalOf(engine)).toContain('was written by a newer version of hull');
    expect(readFileSync(database).equals(before)).toBe(true);
    writeFileSync(marked, mark);
    await engine.start();
    expect(await isAlive()).toBe(true);
  },
  LONG,
);

test(
  'what no record accounts for is set aside at the start, listed, and deleted only when told',
  async () => {
    await engine.crash();
    const strays = [
      join('blobs/sha256', 'ab'.repeat(32)),
      join('l', 'zzzzz/file'),
      join('instances', 'cd'.repeat(32), 'upper/file'),
      join('machines', '0123456789ab', 'disk.raw'),
      join('snapshots', '0123456789ab', 'file'),
      join('disks', '0123456789ab.erofs'),
    ];
    for (const path of strays) {
      mkdirSync(join(engine.data, path, '..'), { recursive: true });
      writeFileSync(join(engine.data, path), 'precious');
    }
    await engine.start();
    const listed = await engine.hull(['check', '--format', '{{.Problem}} {{.Kind}} {{.What}}']);
    expect(listed.code).toBe(0);
    const found = listed.stdout.trim().split('\n').toSorted();
    const kinds = ['blobs', 'disks', 'instances', 'layers', 'machines', 'snapshots'];
    expect(found.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(
      kinds.map((kind) => `set-aside ${kind}`),
    );
    const precious = await engine.host.exec.must([
      'grep',
      '-rlx',
      'precious',
      join(engine.data, 'set-aside'),
    ]);
    expect(precious.trim().split('\n')).toHaveLength(strays.length);
    await engine.must(['check', '--discard']);
    expect(await engine.must(['check'])).toContain('nothing leaked');
    expect(existsSync(found[0]?.split(' ')[2] ?? '/')).toBe(false);
  },
  LONG,
);

test(
  'a name that no image has removes none, whatever its digest is',
  async () => {
    const [image] = JSON.parse(await engine.must(['image', 'inspect', 'busybox'])) as [{ Id: string }];
    const manifests = readdirSync(join(engine.data, 'blobs/sha256')).filter((name) =>
      readFileSync(join(engine.data, 'blobs/sha256', name), 'latin1').includes(`"config":{"mediaType"`),
    );
    for (const digest of [image.Id, ...manifests.map((name) => `sha256:${name}`)])
      for (const name of ['other', 'busybox', 'localhost:5000/busybox']) {
        const refused = await engine.hull(['rmi', '-f', `${name}@${digest}`]);
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('No such image')]);
      }
    expect(manifests).not.toEqual([]);
    expect(await engine.must(['images', '-q', 'busybox'])).not.toBe('');
  },
  LONG,
);

/** Ends the daemon, changes its database, and starts it again. */
async function withRows(...statements: readonly string[]): Promise<void> {
  await engine.crash();
  const rows = new DatabaseSync(database);
  for (const statement of statements) rows.exec(statement);
  rows.close();
  await engine.start();
}

async function findings(): Promise<{ code: number | null; lines: string[] }> {
  const { code, stdout } = await engine.hull([
    'check',
    '--format',
    '{{.Problem}} {{.Kind}} {{.What}}: {{.Note}}',
  ]);
  return {
    code,
    lines: stdout
      .trim()
      .split('\n')
      .filter((line) => line !== ''),
  };
}

test(
  'a damaged row puts that one thing out of use, and all that it may use is kept',
  async () => {
    await engine.must(['network', 'create', 'net']);
    await engine.must(['volume', 'create', 'spoilt']);
    await engine.must([
      'run',
      '-d',
      '--name',
      'odd',
      '-v',
      'kept:/data',
      '--network',
      'net',
      'busybox',
      'sleep',
      '10000',
    ]);
    const odd = Number((await engine.inspect('odd')).State['Pid']);
    await withRows(
      `UPDATE instances SET record = json_set(record, '$.config.process.args', 'sleep') WHERE record LIKE '%"name":"odd"%'`,
      "UPDATE images SET config = '{}'",
      "UPDATE volumes SET labels = '[1]' WHERE name = 'spoilt'",
    );
    expect(await isAlive()).toBe(true);
    expect(engine.host.processes.alive(odd)).toBe(true);
    const { code, lines } = await findings();
    expect(code).toBe(1);
    expect(lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'corrupt instance odd',
      'corrupt volume spoilt',
    ]);
    expect((await engine.hull(['inspect', 'odd'])).stderr).toContain('the record of odd is damaged');
    for (const refused of [
      ['volume', 'rm', 'kept'],
      ['volume', 'prune', '-f', '--all'],
      ['network', 'prune', '-f'],
      ['image', 'prune', '-f', '--all'],
      ['create', '--name', 'odd', 'busybox'],
    ])
      expect([refused, (await engine.hull(refused)).code]).not.toEqual([refused, 0]);
    // What has its contents elsewhere is made again, the rest goes by name.
    expect((await engine.hull(['check', '--repair'])).code).toBe(1);
    expect((await findings()).lines.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'corrupt instance odd',
    ]);
    // An image’s row was made again from its blobs at the start.
    await engine.must(['run', '--rm', 'busybox', 'true']);
    await engine.must(['rm', '-f', 'odd']);
    expect(engine.host.processes.alive(odd)).toBe(false);
    await engine.must(['check', '--repair']);
    expect((await findings()).lines).toEqual([expect.stringMatching(/^set-aside instances /)]);
    await engine.must(['check', '--discard']);
    await engine.must(['volume', 'rm', 'spoilt']);
    await engine.must(['network', 'rm', 'net']);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);

test(
  'what runs without any record is left alone at the start, and ended only when told',
  async () => {
    await engine.must(['run', '-d', '--name', 'lost', 'busybox', 'sleep', '10000']);
    const lost = Number((await engine.inspect('lost')).State['Pid']);
    await withRows(`DELETE FROM instances WHERE record LIKE '%"name":"lost"%'`);
    expect(engine.host.processes.alive(lost)).toBe(true);
    expect(readFileSync(engine.logPath, 'utf8')).toContain('left alone, for something runs without a record');
    expect((await findings()).code).toBe(1);
    expect(await engine.hull(['check', '--repair'])).toMatchObject({ code: 0 });
    expect(engine.host.processes.alive(lost)).toBe(false);
    await engine.must(['check', '--discard']);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);

test.skipIf(NO_VMS !== null)(
  'a machine stays while an instance is made of it; one that is gone all the same is told, and a damaged record is made again from the disk',
  async () => {
    const folder = join(engine.data, 'machines/0123456789ab');
    const row = { name: 'box', cmdline: '', virtualSize: 4096, storedSize: 0, createdAt: 1, description: '' };
    const paths = { disk: `${folder}/disk.raw`, kernel: `${folder}/vmlinuz`, initrd: `${folder}/initrd.img` };
    mkdirSync(folder);
    for (const path of Object.values(paths)) writeFileSync(path, 'x'.repeat(4096));
    const record = JSON.stringify({ ...row, ...paths });
    await withRows(`INSERT INTO machines VALUES ('box', '0123456789ab', '', '${record}', 1)`);
    await engine.must(['create', '--machine', 'box', '--name', 'boxed']);
    const refused = await engine.hull(['machine', 'rm', 'box']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('hull rm boxed')]);
    expect(existsSync(paths.disk)).toBe(true);
    await withRows("UPDATE machines SET machine = '{}'");
    expect((await findings()).lines[0]).toContain('corrupt machine box: its record is damaged');
    await engine.must(['check', '--repair']);
    expect(await engine.findings()).toBe('');
    rmSync(paths.disk);
    expect((await findings()).lines[0]).toContain('missing machine box: the instance boxed is made of it');
    await engine.must(['rm', 'boxed']);
    await engine.must(['machine', 'rm', 'box']);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);

test(
  'a run folder that was given back is anybody’s',
  async () => {
    const first = new TestEngine();
    await first.start();
    await first.must(['shutdown', '--stop']);
    await until('the run folder is given back', () =>
      Promise.resolve(existsSync(join(first.run, 'engine.json')) ? null : true),
    );
    const second = new TestEngine({ run: first.run });
    await second.start();
    await second.destroy();
    rmSync(first.folder, { recursive: true });
  },
  LONG,
);
