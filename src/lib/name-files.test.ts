import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { hostsText, ownHostsLines, resolvConfText } from './name-files.ts';

describe('hosts', () => {
  test('the common lines, what was asked for, its own names', () => {
    const own = ownHostsLines('web', 'example.org', ['172.17.0.2', 'fd00::2']);
    const asked = ['db:10.0.0.1', 'six:[::1]', 'host.internal:host-gateway', 'nothing'];
    const text = hostsText(asked, own, '172.17.0.1');
    expect(text.split('\n').slice(6)).toEqual([
      '10.0.0.1\tdb',
      '::1\tsix',
      '172.17.0.1\thost.internal',
      '172.17.0.2\tweb.example.org web',
      'fd00::2\tweb.example.org web',
      '',
    ]);
  });

  test('without a network it still has a name', () => {
    expect(ownHostsLines('web', '', [])).toEqual(['127.0.1.1\tweb']);
    expect(ownHostsLines('a.b', '', ['10.0.0.2'])).toEqual(['10.0.0.2\ta.b a']);
  });

  test('one line for each entry that has a name, whatever it is', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ':', '[', ']', '.', '1') });
    fc.assert(
      fc.property(fc.array(word), (entries) => {
        const named = entries.filter((entry) => entry.indexOf(':') > 0).length;
        expect(hostsText(entries, [], '').split('\n').length).toBe(6 + named + 1);
      }),
    );
  });
});

test('resolv.conf', () => {
  const settings = { nameservers: ['1.1.1.1', '::1'], search: ['a', 'b'], options: ['ndots:0'] };
  expect(resolvConfText(settings)).toBe('nameserver 1.1.1.1\nnameserver ::1\nsearch a b\noptions ndots:0\n');
  expect(resolvConfText({ nameservers: ['1.1.1.1'], search: ['.'], options: [] })).toBe(
    'nameserver 1.1.1.1\n',
  );
});
