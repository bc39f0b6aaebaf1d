import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { goFileMode, isGoFolder, isGoLink } from './go-file-mode.ts';

// As Docker's daemon told them of such files.
test.each([
  ['a folder', 0o040755, 2_147_484_141],
  ['a folder that everyone may write to', 0o041777, 2_148_532_735],
  ['a file', 0o100644, 420],
  ['a set-id program', 0o104755, 8_389_101],
  ['a link', 0o120777, 134_218_239],
  ['a pipe', 0o010644, 33_554_852],
  ['a character device', 0o020644, 69_206_436],
  ['a block device', 0o060644, 67_109_284],
  ['a socket', 0o140755, 16_777_709],
])('%s', (_, mode, go) => {
  expect(goFileMode(mode)).toBe(go);
});

test('permissions stay, types are told apart', () => {
  fc.assert(
    fc.property(fc.constantFrom(0o04, 0o12, 0o10, 0o06), fc.nat(0o7777), (type, bits) => {
      const go = goFileMode((type << 12) | bits);
      expect(go % 0o1000).toBe(bits & 0o777);
      expect(isGoFolder(go)).toBe(type === 0o04);
      expect(isGoLink(go)).toBe(type === 0o12);
      expect(Number.isSafeInteger(go) && go >= 0 && go < 2 ** 32).toBe(true);
    }),
  );
});
