import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { TestEngine } from '../support/engine.ts';

const engine = new TestEngine();

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, 60_000);

afterAll(() => engine.destroy(), 60_000);

/** Made ahead: the pid file of its init is there, though it has not been started. */
async function createAhead(...args: readonly string[]): Promise<string> {
  const id = await engine.must(['create', '--rm', ...args]);
  const pidFile = `${engine.folder}/run/i/${id.slice(0, 16)}/pidfile`;
  const deadline = Date.now() + 1500;
  while (read(pidFile) === '') {
    if (Date.now() > deadline) throw new Error('the run was not made ahead');
    await Bun.sleep(5);
  }
  return id;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('the run of a disposable instance is there before its start, and runs when it is started', async () => {
  const id = await createAhead('busybox', 'sh', '-c', 'echo hello; exit 3');
  const { State } = await engine.inspect(id);
  expect(State).toMatchObject({ Status: 'created', Pid: 0 });
  expect(await engine.findings()).toBe('');
  const run = await engine.hull(['start', '-a', id]);
  expect([run.code, run.stdout]).toEqual([3, 'hello\n']);
});

test('what changes before the start is so in the run', async () => {
  const id = await createAhead('--name', 'before', 'busybox', 'cat', '/from-outside');
  expect((await engine.docker(['rename', 'before', 'after'])).code).toBe(0);
  await engine.must(
    ['cp', '-', `${id}:/`],
    await engine.must(['cp', `${await source()}:/from-outside`, '-']),
  );
  expect(await engine.must(['start', '-a', 'after'])).toBe('copied');
});

/** An instance with the file that is copied. */
async function source(): Promise<string> {
  await engine.must(['run', '--name', 'source', 'busybox', 'sh', '-c', 'echo copied > /from-outside']);
  return 'source';
}

test('without a start nothing of the run is left', async () => {
  const removed = await createAhead('busybox', 'true');
  await engine.must(['rm', removed]);
  const waits = await createAhead('busybox', 'true');
  await Bun.sleep(2500);
  expect(read(`${engine.folder}/run/i/${waits.slice(0, 16)}/pidfile`)).toBe('');
  const crashed = await createAhead('busybox', 'true');
  await engine.restart();
  expect(await engine.findings()).toBe('');
  expect((await engine.hull(['start', '-a', waits])).code).toBe(0);
  expect(await engine.hull(['start', '-a', crashed])).toMatchObject({ code: 0, stderr: '' });
}, 30_000);

test('hull run --timings says where the time went, on stderr', async () => {
  const run = await engine.hull(['run', '--rm', '--timings', 'busybox', 'echo', 'hi']);
  expect([run.code, run.stdout]).toEqual([0, 'hi\n']);
  expect(run.stderr).toMatch(
    /^since the command began\n.*created\n.*started\n.*ended\nin the engine, .*runtime start\n$/s,
  );
  const detached = await engine.hull(['run', '-d', '--timings', 'busybox', 'true']);
  expect(detached.stderr).toMatch(
    /^since the command began\n.*in the engine, since start\n.*network\n.*runtime create\n/s,
  );
});
