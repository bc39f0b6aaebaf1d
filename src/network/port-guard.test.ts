import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { elementsOf, elementsText, type GuardedPort, guardText } from './guard-text.ts';
import { PortGuard } from './port-guard.ts';

const plain: GuardedPort = {
  hostLink: 'hlab12-2',
  macAddress: '02:42:ac:14:00:02',
  addresses: ['172.20.0.2'],
  open: false,
};
const dual: GuardedPort = { ...plain, hostLink: 'hlab12-x1', addresses: ['10.9.0.2', 'fd00::2'] };

function guardOf(): { guard: PortGuard; said: string[] } {
  const said: string[] = [];
  const change = (text: () => string) => Promise.resolve(void said.push(text()));
  return { guard: new PortGuard({ name: 't', prefix: 'hlab12-', change }), said };
}

describe('elements', () => {
  test('a port without IPv6 has its pair of addresses, and nothing else', () => {
    expect(elementsOf([plain], [])).toEqual({
      open: [],
      six: [],
      own4: ['"hlab12-2" . 02:42:ac:14:00:02 . 172.20.0.2'],
      own6: [],
      target: [],
      known: [],
      known_target: [],
    });
  });
  test('a port with IPv6 has its link-local address too, which is nobody else’s', () => {
    const { six, own6, target, known } = elementsOf([dual], ['fe80::1']);
    expect(six).toEqual(['"hlab12-x1" . 02:42:ac:14:00:02']);
    expect(own6).toEqual(['"hlab12-x1" . fd00::2', '"hlab12-x1" . fe80::42:acff:fe14:2']);
    expect(target[0]).toBe('"hlab12-x1" . 0xfd000000000000000000000000000002');
    expect(known).toEqual(['fe80::1', 'fe80::42:acff:fe14:2']);
  });
  test('an open port is open, and has no addresses', () => {
    expect(Object.values(elementsOf([{ ...dual, open: true }], [])).flat()).toEqual(['"hlab12-x1"']);
  });
  test('nothing of nothing', () => {
    expect(elementsText('add', 't', elementsOf([], []))).toBe('');
    expect(guardText('t', 'hlab12-', elementsOf([], []))).not.toContain('add element');
  });
});

describe('the guard of ports', () => {
  test('says nothing before its table is there, and everything at once then', async () => {
    const { guard, said } = guardOf();
    await guard.admit([plain]);
    await guard.reserve('br-1', 'fe80::1');
    expect(said).toEqual([]);
    await guard.install();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('172.20.0.2');
    expect(said[0]).toContain('known { fe80::1 }');
  });
  test('forgets ports that are gone with the next change, and a link-local address with its last port', async () => {
    const { guard, said } = guardOf();
    await guard.install();
    const twin = { ...dual, hostLink: 'hlab12-x2' };
    await guard.admit([dual, twin]);
    guard.forget(['hlab12-x1', 'hlab12-unknown']);
    expect(said).toHaveLength(2);
    await guard.admit([plain]);
    expect(said[2]).toContain('delete element bridge t own4 { "hlab12-x1"');
    expect(said[2]).not.toContain('delete element bridge t known');
    guard.forget(['hlab12-x2']);
    await guard.admit([{ ...plain, hostLink: 'hlab12-3' }]);
    expect(said[3]).toContain('delete element bridge t known { fe80::42:acff:fe14:2 }');
  });
  test('a name that comes back with another address has that one alone', async () => {
    const { guard, said } = guardOf();
    await guard.install();
    await guard.admit([plain]);
    await guard.admit([{ ...plain, addresses: ['172.20.0.9'] }]);
    expect(said[2]).toMatch(
      /delete element bridge t own4 \{[^}]*172\.20\.0\.2 \}[\s\S]*add element[^\n]*172\.20\.0\.9/,
    );
  });
  test('ports to come are opened with one of the present, once', async () => {
    const { guard, said } = guardOf();
    await guard.install();
    const next = { ...plain, hostLink: 'hlab12-3', addresses: ['172.20.0.3'] };
    await guard.admit([plain], () => [next]);
    expect(said[1]).toContain('172.20.0.3');
    await guard.admit([next], () => [plain]);
    expect(said).toHaveLength(2);
  });
  test('the table holds what is there, whatever comes and goes', async () => {
    const last = { ...plain, hostLink: 'hlab12-last' };
    const step = fc.record({ link: fc.nat({ max: 5 }), address: fc.nat({ max: 5 }), gone: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { guard, said } = guardOf();
        await guard.install();
        const model = new Map<string, string>();
        for (const { link, address, gone } of steps) {
          const hostLink = `hlab12-${link}`;
          if (gone) {
            model.delete(hostLink);
            guard.forget([hostLink]);
          } else {
            model.set(hostLink, `10.0.0.${address}`);
            await guard.admit([{ ...plain, hostLink, addresses: [`10.0.0.${address}`] }]);
          }
        }
        await guard.admit([last]);
        const table = new Set<string>();
        for (const [, verb = '', list = ''] of said
          .join('')
          .matchAll(/^(add|delete) element bridge t own4 \{ (.*) \}$/gm))
          for (const element of list.split(', '))
            if (verb === 'add') table.add(element);
            else table.delete(element);
        model.set(last.hostLink, '172.20.0.2');
        const expected = [...model].map(([link, address]) => `"${link}" . ${plain.macAddress} . ${address}`);
        expect([...table].toSorted()).toEqual(expected.toSorted());
      }),
    );
  });
});
