import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { availableMemory, parseMappings, readMappings } from './process-memory.ts';

const SMAPS = `55d0a0000000-55d0a0100000 r-xp 00001000 fe:00 1234                       /usr/bin/with blank
Size:               1024 kB
Rss:                 100 kB
Pss:                  50 kB
Pss_Dirty:             8 kB
Anonymous:             4 kB
VmFlags: rd ex mr mw me
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 
Rss:                  12 kB
Pss:                  12 kB
Anonymous:            12 kB
`;

describe('parseMappings', () => {
  test('reads sizes, paths with blanks, and anonymous memory', () => {
    expect(parseMappings(SMAPS)).toEqual([
      { path: '/usr/bin/with blank', inode: '1234', rss: 102_400, pss: 51_200, anonymous: 4096 },
      { path: '', inode: '0', rss: 12_288, pss: 12_288, anonymous: 12_288 },
    ]);
  });
  test('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const mapping of parseMappings(`${SMAPS}${text}\n${text}`))
          expect(Number.isFinite(mapping.rss + mapping.pss + mapping.anonymous)).toBe(true);
      }),
    );
  });
});

test('this process has memory, and so has the host', () => {
  const mappings = readMappings(process.pid);
  expect(mappings.reduce((sum, { pss }) => sum + pss, 0)).toBeGreaterThan(1 << 20);
  expect(availableMemory()).toBeGreaterThan(1 << 20);
});

test('a process that is gone has no mappings', () => expect(readMappings(2 ** 30)).toEqual([]));
