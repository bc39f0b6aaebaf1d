import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseControlGroups, parseStatus, readIsolation } from './process-isolation.ts';

const STATUS = `Name:\thttpd
Uid:\t0\t1812\t0\t0
CapInh:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t00000000a80425fb
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
`;

describe('parseStatus', () => {
  test('reads seccomp, capabilities, user and no_new_privs', () => {
    expect(parseStatus(STATUS)).toEqual({
      seccomp: 2,
      noNewPrivileges: true,
      user: 1812,
      capabilities: 14,
    });
  });
  test('survives any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { seccomp, capabilities, user } = parseStatus(`Seccomp:${text}\nCapBnd:${text}\nUid:${text}`);
        for (const number of [seccomp, capabilities, user]) expect(Number.isInteger(number)).toBe(true);
      }),
    );
  });
});

describe('parseControlGroups', () => {
  test('version 1, named and unified', () => {
    const groups = parseControlGroups('9:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/unified\nrubbish\n');
    expect([...groups]).toEqual([
      ['cpu', '/a:b'],
      ['cpuacct', '/a:b'],
      ['name=systemd', '/'],
      ['', '/unified'],
    ]);
  });
  test('survives any text', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseControlGroups(text)));
  });
});

test('this process: namespaces without those of its children, no KVM machine', () => {
  const own = readIsolation('self');
  expect(own?.namespaces.get('net')).toMatch(/^net:\[\d+\]$/);
  expect([...(own?.namespaces.keys() ?? [])].filter((name) => name.endsWith('_for_children'))).toEqual([]);
  expect(own?.usesKvm).toBe(false);
  expect(readIsolation(2 ** 30)).toBeNull();
});
