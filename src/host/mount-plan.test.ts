import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { mayBlock, parseMountOptions } from './mount-plan.ts';

describe('parseMountOptions', () => {
  test.each([
    ['', 0, ''],
    ['rw,addr=10.0.0.1,nodev', 4, 'addr=10.0.0.1'],
    ['ro', 1, ''],
    ['ro,rw', 0, ''],
    ['bind,ro', 4097, ''],
    ['rbind,rslave', 4096 | 16384 | (1 << 19), ''],
    ['size=10m,uid=1000', 0, 'size=10m,uid=1000'],
    ['defaults,,noexec', 8, ''],
    // A word of the prototype's is an option like any other.
    ['constructor,toString', 0, 'constructor,toString'],
  ])('%j', (text, flags, data) => expect(parseMountOptions(text)).toEqual({ flags, data }));

  test('what is no flag is passed on, in its order, whatever stands between', () => {
    const option = fc.stringMatching(/^[a-z]{3,8}=[\w./:-]{0,10}$/);
    const flag = fc.constantFrom('ro', 'rw', 'nodev', 'bind', 'rshared', 'noatime');
    fc.assert(
      fc.property(fc.array(fc.oneof(option, flag)), (words) => {
        const { data } = parseMountOptions(words.join(','));
        expect(data).toBe(words.filter((word) => word.includes('=')).join(','));
      }),
    );
  });
});

test('only what asks nobody is mounted in this process', () => {
  const plan = { source: 's', data: '' };
  expect(mayBlock({ ...plan, type: 'tmpfs', flags: 0 })).toBe(false);
  expect(mayBlock({ ...plan, type: 'none', flags: 4096 })).toBe(false);
  expect(mayBlock({ ...plan, type: 'nfs', flags: 0 })).toBe(true);
  expect(mayBlock({ ...plan, type: 'ext4', flags: 0 })).toBe(true);
});
