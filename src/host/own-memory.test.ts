import { expect, test } from 'bun:test';
import { codeRanges, ownBytes } from './own-memory.ts';

test('only unwritable code of the file itself is found', () => {
  const maps = [
    '00200000-01a39000 r--p 00000000 fe:00 5311361                            /opt/hull',
    '01a40000-0684a000 r-xp 01838000 fe:00 5311361                            /opt/hull',
    '06867000-06f49000 rw-p 0665e000 fe:00 5311361                            /opt/hull',
    '7fd448844000-7fd488844000 rwxp 00000000 00:00 0 ',
    '7fd488baf000-7fd488d05000 r-xp 00026000 fe:00 326269                     /usr/lib/libc.so.6',
    '',
  ].join('\n');
  expect(codeRanges(maps, '/opt/hull')).toEqual([{ start: 0x01a40000n, length: 0x0684a000n - 0x01a40000n }]);
});

test('what is the process’s own is found, in bytes', () => {
  const status = 'VmRSS:\t   65128 kB\nRssAnon:\t   15988 kB\nRssFile:\t   49140 kB\n';
  expect(ownBytes(status)).toBe(15_988 * 1024);
  expect(ownBytes('')).toBe(0);
});
