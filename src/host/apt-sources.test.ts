import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { formatAptSource, parseDeb822, parseOneLine } from './apt-sources.ts';

test('one-line sources', () => {
  const text = `# comment
deb http://mirror.example/debian bookworm main contrib # note
deb [arch=amd64 signed-by=/a.gpg,/b.gpg trusted=yes] https://x.example/ bookworm-security main
deb-src http://mirror.example/debian bookworm main
  deb cdrom:[Debian]/ bookworm main
broken`;
  const [first, second, third, ...rest] = parseOneLine(text);
  expect(first).toEqual({
    uri: 'http://mirror.example/debian',
    suite: 'bookworm',
    components: ['main', 'contrib'],
    signedBy: [],
    trusted: false,
  });
  expect(second).toMatchObject({ uri: 'https://x.example/', signedBy: ['/a.gpg', '/b.gpg'], trusted: true });
  expect([third?.uri, rest]).toEqual(['cdrom:[Debian]/', []]);
});

test('deb822 sources: several URIs and suites, continued lines, comments, disabled ones', () => {
  const text = `Types: deb deb-src
# a comment in between
URIs: http://a.example/debian http://b.example/debian
Suites: bookworm
  bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb
Enabled: no
URIs: http://c.example
Suites: bookworm

Types: deb-src
URIs: http://d.example
Suites: bookworm
`;
  expect(
    parseDeb822(text).map((source) => `${source.uri} ${source.suite} ${source.signedBy.join()}`),
  ).toEqual([
    'http://a.example/debian bookworm /usr/share/keyrings/k.gpg',
    'http://a.example/debian bookworm-updates /usr/share/keyrings/k.gpg',
    'http://b.example/debian bookworm /usr/share/keyrings/k.gpg',
    'http://b.example/debian bookworm-updates /usr/share/keyrings/k.gpg',
  ]);
});

test('any text is read; what is read is written and read again the same', () => {
  const line = fc
    .array(
      fc.constantFrom(
        'deb',
        ' ',
        '[',
        ']',
        'signed-by=/k',
        'http://x/',
        'bookworm',
        'main',
        '#',
        '\n',
        'Types: deb',
        'URIs:',
        'Suites:',
        ':',
      ),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string(), line), (text) => {
      for (const source of parseOneLine(text))
        expect(parseOneLine(formatAptSource(source))).toEqual([source]);
      for (const source of parseDeb822(text)) expect(typeof source.uri).toBe('string');
    }),
    { numRuns: 1000 },
  );
});
