import { expect, test } from 'bun:test';
import { HullError } from '../../model/errors.ts';
import type { InstanceState } from '../../model/instance-status.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { InstanceRecord } from '../instances/record.ts';
import { Holds } from './holds.ts';

class Bench {
  readonly did: string[] = [];
  state: InstanceState = 'running';
  readonly holds = new Holds({ byId: () => this.record });
  readonly runtime = {
    pause: () => this.#does('pause'),
    resume: () => this.#does('resume'),
  } as unknown as Runtime;

  get record(): InstanceRecord {
    return {
      config: { id: 'i', name: 'one', isolation: 'container' },
      status: { state: this.state },
    } as InstanceRecord;
  }

  hold(work: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    return this.holds.during(this.runtime, this.record, work);
  }

  async #does(what: string): Promise<void> {
    this.did.push(what);
    if (this.state === 'exited') throw new HullError('wrong-state', 'is not running');
  }
}

test('held while its files are read', async () => {
  const bench = new Bench();
  await bench.hold(async () => void bench.did.push('read'));
  expect(bench.did).toEqual(['pause', 'read', 'resume']);
});

test('whoever is done first does not let it go on under the other', async () => {
  const bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<void>();
  const long = bench.hold(() => promise);
  await bench.hold();
  expect(bench.did).toEqual(['pause', 'pause']);
  resolve();
  await long;
  expect(bench.did).toEqual(['pause', 'pause', 'resume']);
});

test('what somebody has paused meanwhile stays paused', async () => {
  const bench = new Bench();
  await bench.hold(async () => void (bench.state = 'paused'));
  expect(bench.did).toEqual(['pause']);
});

test('that it ended meanwhile is no failure', async () => {
  const bench = new Bench();
  await bench.hold(async () => void (bench.state = 'exited'));
  expect(bench.did).toEqual(['pause', 'resume']);
});
