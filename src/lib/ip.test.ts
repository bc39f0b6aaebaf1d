import { describe, expect, test } from 'bun:test';
import { isIP } from 'node:net';
import fc from 'fast-check';
import {
  canonical,
  formatIp,
  formatPrefix,
  holds,
  linkLocalOf,
  macOf,
  overlap,
  parseIp,
  parsePrefix,
  parsePrefix4,
  sizeOf,
} from './ip.ts';

describe('addresses', () => {
  test.each([
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['FD00:0:0:1::2', 'fd00:0:0:1::2'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['10.0.0.255', '10.0.0.255'],
  ])('%s is %s', (text, written) => {
    expect(canonical(text)).toBe(written);
  });
  test.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1%eth0',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.4::',
    'g::',
    '::12345',
  ])('refuses %p', (text) => {
    expect(parseIp(text)).toBeNull();
  });
  test('reads what Node calls an address, and nothing else', () => {
    const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(texts, (text) => (parseIp(text) !== null) === (isIP(text) !== 0)),
      { numRuns: 3000 },
    );
  });
  test('comes back from its own text', () => {
    const value = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
    fc.assert(
      fc.property(value, (number) => {
        const address = { family: 6 as const, value: number };
        expect(parseIp(formatIp(address))).toEqual(address);
      }),
    );
  });
});

describe('prefixes', () => {
  test('cut host bits off, and tell that there were some', () => {
    const read = parsePrefix('10.1.2.3/8');
    expect(read && formatPrefix(read.prefix)).toBe('10.0.0.0/8');
    expect(read?.address.value).not.toBe(read?.prefix.base);
    expect([
      parsePrefix('10.0.0.0/33'),
      parsePrefix('::/129'),
      parsePrefix('10.0.0.0'),
      parsePrefix('::/x'),
    ]).toEqual([null, null, null, null]);
  });
  test('contain and overlap within a family alone', () => {
    const prefix = (text: string) => parsePrefix(text)?.prefix ?? { family: 4 as const, base: 0n, length: 0 };
    expect(overlap(prefix('10.0.0.0/8'), prefix('10.9.0.0/16'))).toBe(true);
    expect(overlap(prefix('10.0.0.0/16'), prefix('10.1.0.0/16'))).toBe(false);
    expect(overlap(prefix('::/0'), prefix('0.0.0.0/0'))).toBe(false);
    expect(holds(prefix('fd00::/64'), parseIp('fd00::9') ?? { family: 4, value: 0n })).toBe(true);
    expect(sizeOf(prefix('fd00::/64'))).toBe(1n << 64n);
  });
});

describe('hardware addresses', () => {
  test('follow from addresses, as Docker makes them', () => {
    expect(macOf(parseIp('172.20.0.2') ?? { family: 4, value: 0n })).toBe('02:42:ac:14:00:02');
  });
  test('give link-local ones', () => {
    expect(formatIp(linkLocalOf('02:42:ac:14:00:02'))).toBe('fe80::42:acff:fe14:2');
    expect(formatIp(linkLocalOf('34:56:78:9a:bc:de'))).toBe('fe80::3656:78ff:fe9a:bcde');
  });
});

test('an IPv4 prefix may be a bare address, and an IPv6 one is none', () => {
  expect(formatPrefix(parsePrefix4('10.0.0.1') ?? { family: 6, base: 0n, length: 0 })).toBe('10.0.0.1/32');
  expect(['10.0.0.0/33', '10.0.0.0/8/9', '10.0.0.0/', 'fd00::/8', ''].map(parsePrefix4)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
});
