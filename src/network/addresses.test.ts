import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { AddressPool } from './address-pool.ts';
import {
  contains,
  formatAddress,
  formatSubnet,
  macOf,
  overlap,
  parseAddress,
  parseSubnet,
  sizeOf,
  type Subnet,
} from './ipv4.ts';
import { candidates, chooseSubnet, parseAddresses, parseRoutes } from './subnet.ts';

function subnet(text: string): Subnet {
  const parsed = parseSubnet(text);
  if (parsed === null) throw new Error(`not a subnet: ${text}`);
  return parsed;
}

const anyAddress = fc.nat({ max: 0xffff_ffff });

describe('ipv4', () => {
  test('addresses survive formatting', () => {
    fc.assert(fc.property(anyAddress, (value) => parseAddress(formatAddress(value)) === value));
  });
  test.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', 'a.b.c.d', '::1'])(
    'refuses %p',
    (text) => {
      expect(parseAddress(text)).toBeNull();
    },
  );
  test('never accepts what it would write differently', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseAddress(text);
        return value === null || formatAddress(value) === text;
      }),
    );
  });
  test('cuts host bits off, and refuses prefixes over 32', () => {
    expect(formatSubnet(subnet('172.20.3.4/16'))).toBe('172.20.0.0/16');
    expect(formatSubnet(subnet('10.0.0.1'))).toBe('10.0.0.1/32');
    expect([parseSubnet('10.0.0.0/33'), parseSubnet('10.0.0.0/8/9'), parseSubnet('10.0.0.0/')]).toEqual([
      null,
      null,
      null,
    ]);
  });
  test('subnets overlap exactly when one contains the start of the other', () => {
    const anySubnet = fc
      .tuple(anyAddress, fc.integer({ min: 0, max: 32 }))
      .map(([base, prefix]) => subnet(`${formatAddress(base)}/${prefix}`));
    fc.assert(
      fc.property(
        anySubnet,
        anySubnet,
        (a, b) => overlap(a, b) === (contains(a, b.base) || contains(b, a.base)),
      ),
    );
  });
  test('hardware addresses follow from addresses, as Docker makes them', () => {
    expect(macOf(parseAddress('172.20.0.2') ?? 0)).toBe('02:42:ac:14:00:02');
  });
});

describe('address pool', () => {
  test('never hands an address out twice, never a reserved or a resting one', () => {
    const steps = fc.array(
      fc.oneof(fc.constant('take' as const), fc.nat({ max: 20 }), fc.record({ wait: fc.nat({ max: 80 }) })),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 26, max: 30 }), (actions, prefix) => {
        const net = subnet(`10.1.2.0/${prefix}`);
        let now = 0;
        const pool = new AddressPool(net, [net.base + 1], { now: () => now, cooldown: 50 });
        const held: number[] = [];
        const freed = new Map<number, number>();
        for (const action of actions) {
          if (typeof action === 'object') now += action.wait;
          else if (typeof action === 'number') {
            const [address] = held.splice(action % Math.max(1, held.length), 1);
            if (address !== undefined) {
              pool.release(address);
              freed.set(address, now);
            }
          } else {
            const resting = [...freed.values()].filter((at) => now - at < 50).length;
            if (held.length + resting === sizeOf(net) - 3) {
              expect(() => pool.take()).toThrow('no address is free');
              continue;
            }
            const address = pool.take();
            expect(held).not.toContain(address);
            expect([net.base, net.base + 1, net.base + sizeOf(net) - 1]).not.toContain(address);
            expect(now - (freed.get(address) ?? -50)).toBeGreaterThanOrEqual(50);
            freed.delete(address);
            held.push(address);
          }
        }
      }),
    );
  });
  test('an adopted address is not handed out, and cannot be adopted twice or from outside', () => {
    const net = subnet('10.1.2.0/29');
    const pool = new AddressPool(net, [net.base + 1]);
    pool.adopt(net.base + 3);
    expect([pool.take(), pool.take(), pool.take(), pool.take()].toSorted((a, b) => a - b)).toEqual(
      [2, 4, 5, 6].map((host) => net.base + host),
    );
    for (const address of [net.base + 3, net.base, net.base + 7, net.base + 8])
      expect(() => pool.adopt(address)).toThrow('cannot be taken over');
  });
  test('exhaustion is an error that counts', () => {
    const net = subnet('10.1.2.0/30');
    const pool = new AddressPool(net, [net.base + 1]);
    pool.take();
    const failure = (() => {
      try {
        return pool.take();
      } catch (error) {
        return error;
      }
    })();
    expect(isHullError(failure, 'address-in-use')).toBe(true);
  });
});

describe('subnet', () => {
  const used = (text: string) => ({ subnet: subnet(text), device: 'eth0' });
  test('the first candidate that nothing overlaps', () => {
    expect(formatSubnet(chooseSubnet([]))).toBe('172.20.0.0/16');
    expect(formatSubnet(chooseSubnet([used('172.20.7.0/24'), used('172.21.0.1/32')]))).toBe('172.22.0.0/16');
    expect(formatSubnet(chooseSubnet([used('172.16.0.0/12')]))).toBe('10.89.0.0/16');
  });
  test('says so when all are in use', () => {
    expect(() => chooseSubnet([used('172.16.0.0/12'), used('10.0.0.0/8')])).toThrow('no subnet is free');
  });
  test('never chooses one that overlaps', () => {
    const inUse = fc.array(
      fc.tuple(fc.nat({ max: candidates().length - 1 }), fc.integer({ min: 9, max: 32 })),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(inUse, (picks) => {
        const others = picks.map(([index, prefix]) =>
          used(`${formatAddress((candidates()[index]?.base ?? 0) + 300)}/${prefix}`),
        );
        try {
          const chosen = chooseSubnet(others);
          expect(others.some((other) => overlap(other.subnet, chosen))).toBe(false);
        } catch (error) {
          expect(isHullError(error, 'address-in-use')).toBe(true);
          expect(
            candidates().every((candidate) => others.some((other) => overlap(other.subnet, candidate))),
          ).toBe(true);
        }
      }),
    );
  });
  test('reads what iproute2 prints', () => {
    const routes =
      '[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},{"dst":"10.9.0.0/16","dev":"wg0"},{"type":"local","dst":"127.0.0.0/8","dev":"lo"},{"type":"blackhole","dst":"10.8.0.0/16"}]';
    expect(parseRoutes(routes)).toEqual([
      { subnet: subnet('10.9.0.0/16'), device: 'wg0' },
      { subnet: subnet('10.8.0.0/16'), device: '' },
    ]);
    const addresses =
      '[{},{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.2","prefixlen":24}]},{"ifname":"up","addr_info":[]}]';
    expect(parseAddresses(addresses)).toEqual([{ subnet: subnet('192.0.2.0/24'), device: 'eth0' }]);
  });
  test('any other text is a named error or an empty list', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        for (const parse of [parseRoutes, parseAddresses]) {
          try {
            expect(parse(text)).toBeArray();
          } catch (error) {
            expect(isHullError(error, 'command-failed')).toBe(true);
          }
        }
      }),
    );
  });
});
