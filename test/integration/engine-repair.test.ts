import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const blobs = join(engine.folder, 'data/blobs/sha256');
const layers = join(engine.folder, 'data/l');

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  await build('kept');
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

async function build(name: string): Promise<void> {
  const context = join(engine.folder, name);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), `FROM busybox\nRUN echo ${name} > /made && rm /etc/group\n`);
  await engine.must(['build', '-q', '-t', name, context]);
}

/** The blob of the image's own layer, its folder, and the image's id. */
async function own(name: string): Promise<{ blob: string; folder: string; id: string }> {
  const [image] = JSON.parse(await engine.must(['image', 'inspect', name])) as [{ Id: string }];
  const id = image.Id.slice(7);
  const texts = readdirSync(blobs).map((file) => readFileSync(join(blobs, file), 'latin1'));
  const manifest = texts.find((text) => text.includes(`"config":{`) && text.includes(`sha256:${id}`));
  const parsed = JSON.parse(manifest ?? '{}') as { layers: { digest: string }[] };
  const folder = readdirSync(layers).find(
    (entry) => readdirSync(join(layers, entry)).join() === 'etc,made' && made(entry) === `${name}\n`,
  );
  return {
    blob: join(blobs, parsed.layers.at(-1)?.digest.slice(7) ?? ''),
    folder: join(layers, folder ?? ''),
    id,
  };
}

function made(entry: string): string {
  return readFileSync(join(layers, entry, 'made'), 'utf8');
}

async function check(...flags: string[]): Promise<{ code: number; said: string }> {
  const { code, stdout } = await engine.hull([
    'check',
    ...flags,
    '--format',
    '{{.Repaired}} {{.What}} {{.Note}}',
  ]);
  return { code: code ?? -1, said: stdout };
}

test('check finds lost and damaged files, and --repair makes them again', async () => {
  const { blob, folder, id } = await own('kept');
  rmSync(blob);
  expect(await check()).toMatchObject({
    code: 1,
    said: expect.stringContaining('is missing; `hull check --repair`'),
  });
  expect(await check('--repair')).toMatchObject({
    code: 0,
    said: expect.stringMatching(/^yes kept\S* the blob/),
  });

  const size = readFileSync(blob).length;
  writeFileSync(blob, Buffer.alloc(size, 1));
  expect((await check()).code).toBe(0);
  expect(await check('--deep')).toMatchObject({ code: 1, said: expect.stringContaining('is corrupt') });
  expect((await check('--deep', '--repair')).code).toBe(0);

  rmSync(folder, { recursive: true });
  expect((await check()).code).toBe(1);
  expect((await check('--repair')).code).toBe(0);
  expect(
    await engine.must(['run', '--rm', 'kept', 'sh', '-c', 'cat /made; ls /etc/group 2>&1 || true']),
  ).toBe('kept\nls: /etc/group: No such file or directory');

  rmSync(join(blobs, id));
  expect((await check('--repair')).code).toBe(0);
  expect((await check('--deep')).said).toBe('');
}, 60_000);

test('a base image whose archive is lost says how to get it back, and gets it', async () => {
  const base = readdirSync(blobs).find((file) => readFileSync(join(blobs, file)).length > 500_000);
  rmSync(join(blobs, base ?? ''));
  const found = await check('--repair');
  expect(found.code).toBe(1);
  expect(found.said).toContain('bootstrap or build the image again');
  await engine.must(['bootstrap', 'busybox']);
  expect(await check('--deep')).toEqual({ code: 0, said: '' });
}, 60_000);

test('what only the build cache keeps of a removed image can be freed, and what a crash left goes by itself', async () => {
  await build('first');
  await build('second');
  const count = (): number => readdirSync(layers).length;
  const before = count();
  const [first, second] = [await own('first'), await own('second')];
  // An image's removal takes its layers with it.
  await engine.must(['rmi', 'first']);
  expect([count(), readdirSync(layers).includes(first.folder)]).toEqual([before - 1, false]);
  const context = join(engine.folder, 'failing');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo half > /half\nRUN false\n');
  expect((await engine.hull(['build', context])).code).not.toBe(0);
  expect(count()).toBe(before);
  expect(await engine.must(['builder', 'prune', '-f'])).toMatch(
    /^Deleted: sha256:\w{64}\nTotal reclaimed space: \d/,
  );
  expect(count()).toBe(before - 1);
  // The image that is left, and the cache of its steps, are as they were.
  expect(await engine.must(['build', join(engine.folder, 'second')])).toContain('Using cache');
  expect(readdirSync(second.folder)).toContain('made');
  await engine.must(['builder', 'prune', '--all']);
  expect(await engine.must(['build', join(engine.folder, 'second')])).not.toContain('Using cache');
  expect((await check('--deep')).code).toBe(0);
}, 60_000);

test('pruning is refused while an image is made', async () => {
  const context = join(engine.folder, 'slow');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN sleep 3\n');
  const building = engine.must(['build', context]);
  await Bun.sleep(1000);
  const refused = await engine.hull(['builder', 'prune']);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('an image is being built')]);
  await building;
}, 60_000);
