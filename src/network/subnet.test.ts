import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { formatIp, formatPrefix, overlap, parsePrefix4, type Prefix } from '../lib/ip.ts';
import { candidates, chooseSubnet, parseAddresses, parseRoutes } from './subnet.ts';

function subnet(text: string): Prefix {
  const parsed = parsePrefix4(text);
  if (parsed === null) throw new Error(`not a subnet: ${text}`);
  return parsed;
}

describe('subnet', () => {
  const used = (text: string) => ({ subnet: subnet(text), device: 'eth0' });
  test('the first candidate that nothing overlaps', () => {
    expect(formatPrefix(chooseSubnet([]))).toBe('172.20.0.0/16');
    expect(formatPrefix(chooseSubnet([used('172.20.7.0/24'), used('172.21.0.1/32')]))).toBe('172.22.0.0/16');
    expect(formatPrefix(chooseSubnet([used('172.16.0.0/12')]))).toBe('10.89.0.0/16');
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
          used(`${formatIp({ family: 4, value: (candidates()[index]?.base ?? 0n) + 300n })}/${prefix}`),
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
