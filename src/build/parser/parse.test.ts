import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { nearest } from '../../lib/nearest.ts';
import { parseBlueprint } from './parse.ts';
import { positionOf } from './tree.ts';

describe('parseBlueprint', () => {
  test('words know where they stand', () => {
    const [node] = parseBlueprint(
      '# note\n  COPY --from=a  \\\n  # comment\n\tone \\\n\n two\n',
    ).instructions;
    if (node === undefined) throw new Error('nothing was parsed');
    expect(node.args.map((word) => [word.text, positionOf(node, word)])).toEqual([
      ['one', { line: 4, column: 2 }],
      ['two', { line: 6, column: 2 }],
    ]);
    expect(positionOf(node, node.flags[0])).toEqual({ line: 2, column: 8 });
  });

  test('Windows line ends and a byte order mark are no part of it', () => {
    const { instructions } = parseBlueprint('\uFEFFFROM a\r\nRUN b \\\r\n c\r\n');
    expect(instructions.map((node) => node.args.map((word) => word.text))).toEqual([['a'], ['b  c']]);
  });

  test('a directive may be given once, and must be one that exists', () => {
    expect(() => parseBlueprint('# escape=`\n# escape=\\\nFROM a')).toThrow('only once');
    expect(() => parseBlueprint('# escape=x\nFROM a')).toThrow('must be');
  });

  test('arbitrary text gives a tree or a blueprint error', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\n', '\\\n', 'FROM ', 'RUN ', 'ENV ', '<<EOF', '["', '"]', '# escape=`\n', 'ONBUILD '),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        (text) => {
          try {
            expect(parseBlueprint(text).instructions.length).toBeGreaterThan(0);
          } catch (error) {
            expect(isHullError(error, 'blueprint-invalid')).toBe(true);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('printed and parsed again, exec forms and words are the same', () => {
    const words = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 });
    fc.assert(
      fc.property(words, (args) => {
        const [node] = parseBlueprint(`CMD ${JSON.stringify(args)}`).instructions;
        expect(node?.json).toBe(true);
        expect(node?.args.map((word) => word.text)).toEqual(args);
      }),
    );
    const plain = fc.array(fc.stringMatching(/^[a-z0-9/._-]{1,8}$/u), { minLength: 2 });
    fc.assert(
      fc.property(plain, fc.constantFrom(' ', '\t', ' \\\n  ', ' \\\n# c\n '), (args, blank) => {
        fc.pre(!args.some((arg) => arg.startsWith('--')));
        const [node] = parseBlueprint(`COPY ${args.join(blank)}`).instructions;
        expect(node?.args.map((word) => word.text)).toEqual(args);
      }),
    );
  });
});

test('nearest finds slips of the finger and nothing else', () => {
  const words = ['from', 'run', 'copy', 'entrypoint'];
  expect(['form', 'rn', 'coyp', 'entripoint'].map((word) => nearest(word, words))).toEqual(words);
  expect(nearest('workdir', words)).toBeNull();
});
