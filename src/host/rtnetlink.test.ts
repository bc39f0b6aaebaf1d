import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { acknowledgements, addAddress, addDefaultRoute, concat, linkUp } from './rtnetlink.ts';

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

describe('route netlink', () => {
  test('encodes what strace shows of iproute2', () => {
    // nlmsghdr: length, type, flags, sequence, port; then the family's header; then attributes.
    expect(hex(linkUp(1, 1))).toBe(
      '20000000' +
        '1000' +
        '0500' +
        '01000000' +
        '00000000' +
        '00000000' +
        '01000000' +
        '01000000' +
        '01000000',
    );
    expect(hex(addAddress(2, 3, Uint8Array.of(172, 20, 0, 2), 16))).toBe(
      '30000000' +
        '1400' +
        '0506' +
        '02000000' +
        '00000000' +
        '02100000' +
        '03000000' +
        '08000200ac140002' +
        '08000100ac140002' +
        '08000400ac14ffff',
    );
    expect(hex(addDefaultRoute(4, Uint8Array.of(172, 20, 0, 1)))).toBe(
      '24000000' +
        '1800' +
        '0506' +
        '04000000' +
        '00000000' +
        '02000000' +
        'fe030001' +
        '00000000' +
        '08000500ac140001',
    );
  });
  test('reads acknowledgements and errors', () => {
    const one = (sequence: number, errno: number) => {
      const data = new Uint8Array(36);
      const view = new DataView(data.buffer);
      view.setUint32(0, 36, true);
      view.setUint16(4, 2, true);
      view.setUint32(8, sequence, true);
      view.setInt32(16, -errno, true);
      return data;
    };
    expect(acknowledgements(concat([one(1, 0), one(2, 17)]))).toEqual([
      { sequence: 1, errno: 0 },
      { sequence: 2, errno: 17 },
    ]);
  });
  test('any bytes are read to their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => Array.isArray(acknowledgements(data))),
    );
  });
});
