import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { portRange } from './port-range.ts';

describe('portRange', () => {
  test.each([
    ['80', 80, 'tcp', true],
    ['80', 80, 'udp', false],
    ['53/UDP', 53, 'udp', true],
    ['8000-8080', 8040, 'tcp', true],
    ['8000-8080', 8081, 'tcp', false],
    ['0-65535/tcp', 65_535, 'tcp', true],
  ])('%s and %p/%s: %p', (text, port, protocol, answer) => {
    expect(portRange('publish', text)(port, protocol)).toBe(answer);
  });

  test.each(['', 'x', '80:90', '90-80', '65536', '80/', '80/icmp', '1-2-3', '-1', ' 80'])(
    '%p is refused',
    (text) => {
      expect(() => portRange('expose', text)).toThrow(/invalid filter 'expose=/);
    },
  );

  test('any text gives a test or a refusal', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          portRange('publish', text)(80, 'tcp');
        } catch (error) {
          expect(isHullError(error, 'invalid-argument')).toBe(true);
        }
      }),
    );
  });
});
