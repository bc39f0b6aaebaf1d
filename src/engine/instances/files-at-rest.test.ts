import { expect, test } from 'bun:test';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import type { InstanceState } from '../../model/instance-status.ts';
import { STATUSES } from '../../model/testing/statuses.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { FilesAtRest } from './files-at-rest.ts';
import type { InstanceRecord } from './record.ts';
import type { Runs } from './run.ts';

const ID = 'a'.repeat(64);
const ALL = { mounts: true };

/** One instance, and what was done for its files, in order. */
class Bench {
  readonly did: string[] = [];
  readonly queue = new KeyedLock();
  config = { id: ID, name: 'one', mounts: [{}] } as unknown as InstanceConfig;
  state: InstanceState = 'exited';
  alive = false;
  fails = false;
  /** Holds up what is being opened; `closeFiles` makes it fail. */
  boot: PromiseWithResolvers<void> | null = null;

  readonly files = new FilesAtRest({
    exclusively: (id, work) => this.queue.run(id, work),
    get: () => ({ config: this.config, status: STATUSES[this.state] }) as InstanceRecord,
    runs: { runtimeOf: () => this.#runtime, filesBundle: () => this.#bundle() } as unknown as Runs,
    log: (message) => void this.did.push(message),
  });

  readonly #runtime = {
    ...{ readFiles: null, writeFiles: null },
    openFiles: async (): Promise<void> => {
      this.did.push('open');
      await this.boot?.promise;
      if (this.fails) throw new Error('no kernel');
      this.alive = true;
    },
    filesAreOpen: () => this.alive,
    closeFiles: (): Promise<void> => {
      this.did.push('close');
      this.alive = false;
      this.boot?.reject(new Error('was ended'));
      return Promise.resolve();
    },
  } as unknown as Runtime;

  #bundle(): Promise<unknown> {
    const release = (): Promise<void> => Promise.resolve(void this.did.push('release'));
    return Promise.resolve({ bundle: {}, release });
  }
}

test('requests that follow each other share what was opened for the first', async () => {
  const bench = new Bench();
  const [one, other] = await Promise.all([bench.files.borrow(ID, ALL), bench.files.borrow(ID, ALL)]);
  one.giveBack();
  other.giveBack();
  (await bench.files.borrow(ID, ALL)).giveBack();
  expect(bench.did).toEqual(['open']);
  expect(bench.files.has(ID)).toBe(true);
  await bench.files.closeAll();
  expect(bench.files.has(ID)).toBe(false);
  expect(bench.did.at(-1)).toBe('release');
});

test('whoever starts the instance waits for those who copy, and for nobody after that', async () => {
  const bench = new Bench();
  const { giveBack } = await bench.files.borrow(ID, ALL);
  const start = bench.queue.run(ID, async () => {
    await bench.files.close(ID);
    bench.did.push('start');
    bench.state = 'running';
  });
  const late = bench.files.borrow(ID, ALL);
  await Bun.sleep(20);
  expect(bench.did).toEqual(['open']);
  giveBack();
  await start;
  // It runs by now.
  await late;
  expect(bench.did).toEqual(['open', 'close', 'release', 'start']);
});

test('whoever removes the instance does not wait', async () => {
  const bench = new Bench();
  await bench.files.borrow(ID, ALL);
  await bench.files.close(ID, 0);
  expect(bench.did).toEqual(['open', 'close', 'release']);
});

test('what was opened before a change of the instance, or has died, is opened again', async () => {
  const bench = new Bench();
  (await bench.files.borrow(ID, ALL)).giveBack();
  bench.config = { ...bench.config };
  (await bench.files.borrow(ID, ALL)).giveBack();
  bench.alive = false;
  (await bench.files.borrow(ID, ALL)).giveBack();
  expect(bench.did).toEqual(['open', 'close', 'release', 'open', 'close', 'release', 'open']);
  await bench.files.closeAll();
});

test('who asks for the root alone is content with more, but not the other way round', async () => {
  const bench = new Bench();
  (await bench.files.borrow(ID, { mounts: false })).giveBack();
  (await bench.files.borrow(ID, ALL)).giveBack();
  (await bench.files.borrow(ID, { mounts: false })).giveBack();
  expect(bench.did).toEqual(['open', 'close', 'release', 'open']);
  await bench.files.closeAll();
});

test('a boot that fails leaves nothing, and the next request tries again', async () => {
  const bench = new Bench();
  bench.fails = true;
  await expect(bench.files.borrow(ID, ALL)).rejects.toThrow('no kernel');
  await bench.queue.run(ID, () => Promise.resolve());
  expect(bench.files.has(ID)).toBe(false);
  bench.fails = false;
  (await bench.files.borrow(ID, ALL)).giveBack();
  expect(bench.did).toEqual(['open', 'release', 'open']);
  await bench.files.closeAll();
});

test('a boot that is under way is ended without waiting for it', async () => {
  const bench = new Bench();
  bench.boot = Promise.withResolvers<void>();
  const asked = bench.files.borrow(ID, ALL).catch((error: unknown) => String(error));
  await Bun.sleep(1);
  await bench.files.cutShort(ID);
  expect(await asked).toContain('was ended');
  expect(bench.did).toEqual(['open', 'close', 'release']);
});
