import { afterEach, describe, expect, test } from 'bun:test';
import { HullError, isHullError } from '../model/errors.ts';
import { ReadyPool } from './ready-pool.ts';
import type { Endpoint } from './endpoints.ts';

/** Counts what the pool asks for. */
class Maker {
  readonly batches: number[] = [];
  readonly discarded: number[] = [];
  failure: Error | null = null;
  #last = 0;

  async create(count: number): Promise<Endpoint[]> {
    await Bun.sleep(1);
    if (this.failure !== null) throw this.failure;
    this.batches.push(count);
    return Array.from({ length: count }, () => endpoint(++this.#last));
  }

  discard(endpoints: readonly Endpoint[]): void {
    this.discarded.push(...endpoints.map((each) => Number(each.address.value)));
  }
}

function endpoint(address: number): Endpoint {
  return {
    address: { family: 4, value: BigInt(address) },
    hostLink: `l${address}`,
    namespace: `/n/${address}`,
    addresses: [],
    macAddress: '',
  };
}

describe('pool of what is made ahead', () => {
  const open: ReadyPool<Endpoint>[] = [];
  const make = (maker: Maker, shrinkAfter = 10_000) => {
    const pool = new ReadyPool(maker, { idle: 4, most: 16, shrinkAfter, refillDelay: 1 });
    open.push(pool);
    return pool;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((pool) => pool.close()));
  });

  test('fills ahead and hands out at once', async () => {
    const maker = new Maker();
    const pool = make(maker);
    pool.open();
    await Bun.sleep(10);
    expect(maker.batches).toEqual([4]);
    expect((await pool.take()).hostLink).toBe('l1');
    expect(maker.batches).toEqual([4]);
    await pool.take();
    await Bun.sleep(20);
    expect(maker.batches).toEqual([4, 2]);
  });
  test('a hundred takers at once each get one of their own, in few batches', async () => {
    const maker = new Maker();
    const pool = make(maker);
    const taken = await Promise.all(Array.from({ length: 100 }, () => pool.take()));
    expect(new Set(taken.map((each) => Number(each.address.value))).size).toBe(100);
    expect(maker.batches.length).toBeLessThan(8);
  });
  test('grows under load and shrinks when idle, down to its smallest size', async () => {
    const maker = new Maker();
    const pool = make(maker, 30);
    await Promise.all(Array.from({ length: 20 }, () => pool.take()));
    await Bun.sleep(15);
    expect(pool.ready).toHaveLength(16);
    await Bun.sleep(150);
    expect(pool.ready).toHaveLength(4);
    expect(maker.discarded).toHaveLength(12);
  });
  test('takers are told why, and the next one tries again', async () => {
    const maker = new Maker();
    maker.failure = new HullError('address-in-use', 'the bridge is full');
    const pool = make(maker);
    const failures = await Promise.all(
      [pool.take(), pool.take()].map((taking) => taking.catch((error: unknown) => error)),
    );
    expect(failures.map((failure) => isHullError(failure, 'address-in-use'))).toEqual([true, true]);
    maker.failure = null;
    expect((await pool.take()).hostLink).toBe('l1');
  });
  test('closing discards what is ready, also what is being made', async () => {
    const maker = new Maker();
    const pool = make(maker);
    pool.open();
    await pool.close();
    expect(maker.discarded).toEqual([1, 2, 3, 4]);
    expect(pool.ready).toEqual([]);
  });
});
