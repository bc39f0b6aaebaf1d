import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ExpansionError, expand, expandDocument, expandWords, expansionSettings } from './expand.ts';

const variables = new Map([
  ['X', 'value'],
  ['EMPTY', ''],
  ['PATH', '/usr/local/bin:/usr/bin'],
  ['LIST', '80 443/tcp'],
  ['FILE', 'a.tar.gz'],
]);

describe('expand', () => {
  test.each([
    ['$X', 'value'],
    ['${X}y', 'valuey'],
    ['$Xy', ''],
    ['a$', 'a$'],
    ['\\$X', '$X'],
    ["'$X'", '$X'],
    ['"$X"', 'value'],
    ['"a\\"b\\nc"', 'a"b\\nc'],
    ['a\\ b', 'a b'],
    ['${UNSET:-d}', 'd'],
    ['${EMPTY:-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${X:+set}', 'set'],
    ['${EMPTY:+set}', ''],
    ['${EMPTY+set}', 'set'],
    ['${UNSET:-${X}-$X}', 'value-value'],
    ['${UNSET:-"a b"}', 'a b'],
    ['${X:?needed}', 'value'],
    ['${FILE%.*}', 'a.tar'],
    ['${FILE%%.*}', 'a'],
    ['${FILE#*.}', 'tar.gz'],
    ['${FILE##*.}', 'gz'],
    ['${PATH//bin/lib}', '/usr/local/lib:/usr/lib'],
    ['${PATH/bin/lib}', '/usr/local/lib:/usr/bin'],
    ['${PATH//\\//_}', '_usr_local_bin:_usr_bin'],
    ['/opt:$PATH', '/opt:/usr/local/bin:/usr/bin'],
    ['$$', ''],
    ['é☃$X', 'é☃value'],
  ])('%s gives %s', (word, result) => {
    expect(expand(word, variables)).toBe(result);
  });

  test('the escape character can be a backtick', () => {
    expect(expand('c:\\$X`$X', variables, expansionSettings('`'))).toBe('c:\\value$X');
  });

  test.each(['${X', '${', '${}', "'a", '"a', '${X:-', '${X^^}', '${UNSET:?}', '${UNSET:?set it}'])(
    '%s is refused',
    (word) => {
      expect(() => expand(word, variables)).toThrow(ExpansionError);
    },
  );

  test('words are split after expansion, quotes keeping them together', () => {
    expect(expandWords('$LIST 53/udp', variables)).toEqual(['80', '443/tcp', '53/udp']);
    expect(expandWords('"a b" c', variables)).toEqual(['a b', 'c']);
  });

  test('a document keeps its quotes', () => {
    expect(expandDocument('name="$X"\nprice=\\$5 \\n\n', variables)).toBe('name="value"\nprice=$5 \\n\n');
  });

  test('arbitrary text gives text or an ExpansionError', () => {
    const piece = fc.constantFrom(
      '$',
      '{',
      '}',
      ':',
      '-',
      '+',
      '?',
      '#',
      '%',
      '/',
      '\\',
      '"',
      "'",
      'X',
      'a',
      ' ',
      '*',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')),
        (word) => {
          try {
            expect(typeof expand(word, variables)).toBe('string');
          } catch (error) {
            expect(error).toBeInstanceOf(ExpansionError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('text without special characters stays as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^$'"\\]*$/u), (word) => {
        expect(expand(word, variables)).toBe(word);
      }),
    );
  });
});
