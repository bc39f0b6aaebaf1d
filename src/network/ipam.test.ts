import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { addressAt, formatIp, holds, parseIp } from '../lib/ip.ts';
import { AddressPool } from './address-pool.ts';
import { checkPools, planPools, type PoolRequest, prefixOf, type TakenSubnets } from './ipam.ts';
import { defaultRoutes } from './routes.ts';

const free: TakenSubnets = { networks: [], host: [] };
const options = { id: 'a'.repeat(64), ipv6: false, gateways: true, several: false };
const plan = (requests: readonly PoolRequest[], changes: Partial<typeof options> = {}, taken = free) =>
  planPools(requests, { ...options, ...changes }, taken);

describe('pools', () => {
  test.each([
    [{ subnet: '10.0.0.0/99' }, 'invalid subnet 10.0.0.0/99: invalid CIDR block notation'],
    [{ subnet: '10.1.2.3/24' }, 'invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24'],
    [{ subnet: 'fd00::/64' }, 'invalid subnet fd00::/64: IPv6 has not been enabled for this network'],
    [
      { subnet: '10.0.0.0/24', range: '10.0.1.0/25' },
      "invalid ip-range 10.0.1.0/25: parent subnet 10.0.0.0/24 doesn't contain ip-range",
    ],
    [
      { subnet: '10.0.0.0/24', gateway: '10.0.1.1' },
      "invalid gateway 10.0.1.1: parent subnet 10.0.0.0/24 doesn't contain this address",
    ],
    [
      { subnet: '10.0.0.0/24', auxiliary: { a: '1.1.1.1' } },
      "invalid auxiliary address 1.1.1.1: parent subnet 10.0.0.0/24 doesn't contain this address",
    ],
  ])('%j is refused', (request, words) => {
    expect(() => checkPools([request], false)).toThrow(`invalid network config:\n${words}`);
  });
  test('the default is the first of Docker’s that is free', () => {
    const host = [prefixOf('172.17.0.0/16'), prefixOf('172.18.5.0/24')];
    expect(plan([], {}, { networks: [], host })).toEqual([
      { subnet: '172.19.0.0/16', gateway: '172.19.0.1', chosen: false, auxiliary: {} },
    ]);
  });
  test('IPv6 gets a prefix of its own where none is named; IPv4 comes first', () => {
    const [, ipv6] = plan([], { ipv6: true });
    expect(ipv6?.subnet).toMatch(/^fd[0-9a-f:]+::\/64$/);
    expect(plan([], { ipv6: true, id: 'b'.repeat(64) })[1]?.subnet).not.toBe(ipv6?.subnet);
    const both = plan([{ subnet: 'fd00:1::/64' }, { subnet: '10.0.0.0/24' }], { ipv6: true });
    expect(both.map(({ gateway }) => gateway)).toEqual(['10.0.0.1', 'fd00:1::1']);
  });
  test('a gateway keeps clear of auxiliary addresses and is the range’s first', () => {
    const [pool] = plan([{ subnet: '10.0.0.0/24', auxiliary: { router: '10.0.0.1' } }]);
    expect(pool?.gateway).toBe('10.0.0.2');
    expect(plan([{ subnet: '10.0.0.0/24', range: '10.0.0.128/25' }])[0]?.gateway).toBe('10.0.0.128');
  });
  test('what overlaps another network is refused, what overlaps the host only where it is not asked for', () => {
    const taken = { networks: [prefixOf('10.0.0.0/8')], host: [prefixOf('192.0.2.0/24')] };
    const failure = (() => {
      try {
        return plan([{ subnet: '10.9.0.0/16' }], {}, taken);
      } catch (error) {
        return error;
      }
    })();
    expect(isHullError(failure, 'network-forbidden')).toBe(true);
    expect(plan([{ subnet: '192.0.2.0/24' }], {}, taken)[0]?.subnet).toBe('192.0.2.0/24');
    expect(() => plan([{ subnet: '10.0.0.0/24' }, { subnet: '10.0.1.0/24' }])).toThrow('multiple subnets');
  });
});

describe('an address pool', () => {
  test('hands out each usable address of the range once', () => {
    const book = new AddressPool(prefixOf('10.0.0.0/29'), { reserved: [prefixOf('10.0.0.1/32').base] });
    const taken = Array.from({ length: 5 }, () => formatIp(book.take()));
    expect(taken).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => book.take()).toThrow('no available addresses');
    book.release(parseIp('10.0.0.4') ?? { family: 4, value: 0n });
    // It rests, but nothing else is left.
    expect(formatIp(book.take())).toBe('10.0.0.4');
  });
  test('lets others rest first', () => {
    let now = 0;
    const book = new AddressPool(prefixOf('10.0.0.0/24'), { reserved: [], now: () => now });
    const first = book.take();
    book.release(first);
    expect(formatIp(book.take())).toBe('10.0.0.2');
    now += 61_000;
    expect(formatIp(book.take())).toBe('10.0.0.3');
  });
  test('gives a certain one to one alone', () => {
    const book = new AddressPool(prefixOf('fd00::/64'), { reserved: [] });
    const wish = parseIp('fd00::ffff:1') ?? { family: 4, value: 0n };
    book.claim(wish);
    expect(() => book.claim(wish)).toThrow('Address already in use');
    expect(() => book.claim({ family: 6, value: 5n })).toThrow('none of the subnet');
    expect(formatIp(book.take())).toBe('fd00::1');
  });
  test('goes on behind what a former daemon handed out', () => {
    const pool = new AddressPool(prefixOf('10.1.2.0/29'), { reserved: [prefixOf('10.1.2.1/32').base] });
    pool.adopt(addressAt(pool.prefix, 3));
    expect(pool.upcoming(9).map(formatIp)).toEqual(['10.1.2.4', '10.1.2.5', '10.1.2.6', '10.1.2.2']);
    expect(Array.from({ length: 4 }, () => formatIp(pool.take()))).toEqual([
      '10.1.2.4',
      '10.1.2.5',
      '10.1.2.6',
      '10.1.2.2',
    ]);
    for (const step of [3, 0, 7, 8]) expect(() => pool.adopt(addressAt(pool.prefix, step))).toThrow();
  });
  test('what comes next is what is handed out', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 29 }), { maxLength: 40 }), (freed) => {
        let now = 0;
        const pool = new AddressPool(prefixOf('10.1.2.0/27'), { reserved: [], now: () => (now += 61_000) });
        for (const step of freed) {
          const [next] = pool.upcoming(1);
          if (next !== undefined) expect(pool.take()).toEqual(next);
          pool.release(addressAt(pool.prefix, step + 1));
        }
      }),
    );
  });
  test('never hands out twice, nor outside', () => {
    const prefix = prefixOf('10.0.0.0/26');
    const steps = fc.array(fc.oneof(fc.constant(null), fc.nat({ max: 61 })), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (moves) => {
        const book = new AddressPool(prefix, { reserved: [] });
        const held: bigint[] = [];
        for (const move of moves) {
          if (move === null && held.length < 62) {
            const address = book.take();
            expect(holds(prefix, address)).toBe(true);
            expect(held).not.toContain(address.value);
            held.push(address.value);
          } else if (move !== null) {
            for (const value of held.splice(move, 1)) book.release({ family: 4, value });
          }
        }
      }),
    );
  });
});

test('the default route goes by priority, then by name; a network without gateway gives none', () => {
  const way = (network: string, gateway: string, gatewayPriority = 0) => {
    const ipv6 = network === 'c' ? { address: 'fd00::2', prefixLength: 64, gateway: 'fd00::1' } : null;
    return { endpoint: { network, gateway, ipv6 }, gatewayPriority };
  };
  const [b, a, c, inner] = [
    way('b', '10.0.0.1'),
    way('a', '10.1.0.1'),
    way('c', '10.2.0.1', 1),
    way('0', '', 9),
  ];
  expect(defaultRoutes([b, a])).toEqual({ ipv4: a, ipv6: null });
  expect(defaultRoutes([b, a, c, inner])).toEqual({ ipv4: c, ipv6: c });
  expect(defaultRoutes([inner])).toEqual({ ipv4: null, ipv6: null });
});
