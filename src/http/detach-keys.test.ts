import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { detachWatcher, parseDetachKeys } from './detach-keys.ts';

describe('parseDetachKeys', () => {
  test.each([
    ['', [16, 17]],
    ['ctrl-p,ctrl-q', [16, 17]],
    ['ctrl-@', [0]],
    ['ctrl-\\', [28]],
    ['ctrl-_', [31]],
    ['a,b', [97, 98]],
  ])('%s', (text, bytes) => {
    expect([...parseDetachKeys(text)]).toEqual(bytes);
  });

  test.each(['ctrl-', 'ctrl-1', 'shift-a', 'ab', 'ctrl-p,'])('refuses %s', (text) => {
    expect(() => parseDetachKeys(text)).toThrow(`Invalid escape keys (${text}) provided`);
  });
});

const KEYS = Uint8Array.of(1, 2);
/** Few different bytes, so that the sequence and its beginnings occur. */
const pieces = fc.array(fc.array(fc.constantFrom(1, 2, 3), { maxLength: 6 }), { maxLength: 8 });

describe('detachWatcher', () => {
  test('passes everything before the sequence on, however it is cut', () => {
    fc.assert(
      fc.property(pieces, (cut) => {
        const watch = detachWatcher(KEYS);
        const whole = cut.flat();
        const at = whole.findIndex((byte, index) => byte === 1 && whole[index + 1] === 2);
        const passed: number[] = [];
        let left = false;
        for (const piece of cut) {
          if (left) break;
          const watched = watch(Uint8Array.from(piece));
          passed.push(...watched.passed);
          left = watched.left;
        }
        expect(left).toBe(at !== -1);
        // A first key at the very end is held back until the next byte comes.
        const complete = whole.at(-1) === 1 ? whole.slice(0, -1) : whole;
        expect(passed).toEqual(left ? whole.slice(0, at) : complete);
      }),
    );
  });

  test('a repeated first key does not hide the sequence', () => {
    expect(detachWatcher(KEYS)(Uint8Array.of(1, 1, 2))).toEqual({ passed: Uint8Array.of(1), left: true });
  });
});
