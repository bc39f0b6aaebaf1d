import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { meansFolder, memberBelow, readArchivePath } from './archive-path.ts';

// As Docker's daemon answered each of these.
describe('readArchivePath', () => {
  test.each([
    ['/', '/', '', '/'],
    ['/etc', '/etc', '', 'etc'],
    ['/etc/', '/etc', '/', 'etc'],
    ['/etc/.', '/etc', '/.', '.'],
    ['/etc/./', '/etc', '/./', '.'],
    ['etc', '/etc', '', 'etc'],
    ['.', '/', '/.', '.'],
    ['..', '/', '', '/'],
    ['/.', '/', '/.', '.'],
    ['//t//f', '/t/f', '', 'f'],
    ['/t/./f', '/t/f', '', 'f'],
    ['/opt/../etc', '/etc', '', 'etc'],
    ['/../../etc/passwd', '/etc/passwd', '', 'passwd'],
    ['/a/.hidden', '/a/.hidden', '', '.hidden'],
    ['/a/b..', '/a/b..', '', 'b..'],
  ])('%s', (given, path, ending, name) => {
    expect(readArchivePath(given)).toEqual({ path, ending, name } as ReturnType<typeof readArchivePath>);
  });

  test('any path becomes absolute and clean, and reading it again changes nothing', () => {
    const part = fc.oneof(fc.constantFrom('.', '..', '', 'a', 'b c', '...', '.x'), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { path, ending, name } = readArchivePath(parts.join('/'));
        expect(path.startsWith('/')).toBe(true);
        expect(path.split('/').slice(1).includes('..')).toBe(false);
        expect(
          path === '/' ||
            path
              .split('/')
              .slice(1)
              .every((one) => one !== '' && one !== '.'),
        ).toBe(true);
        expect(readArchivePath(path + ending)).toEqual({ path, ending, name });
        expect(name === '.' || name === '/' || path.endsWith(`/${name}`)).toBe(true);
      }),
    );
  });
});

test('only what ends in a slash or a dot must be a folder', () => {
  expect(meansFolder(readArchivePath('/a/b'))).toBe(false);
  expect(meansFolder(readArchivePath('/a/b/'))).toBe(true);
  expect(meansFolder(readArchivePath('/a/b/.'))).toBe(true);
});

test('members of the root keep its slash, as Docker has it', () => {
  expect(memberBelow('/', 'bin')).toBe('/bin');
  expect(memberBelow('.', 'bin')).toBe('./bin');
  expect(memberBelow('etc', 'passwd')).toBe('etc/passwd');
  expect(memberBelow('', 'passwd')).toBe('passwd');
});
