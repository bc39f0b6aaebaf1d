import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseFlags } from '../../src/cli/flags/parse.ts';
import { findCommand, GROUPS, own } from '../../src/cli/registry.ts';
import { messageOf } from '../../src/model/errors.ts';
import { PROJECT } from './source-files.ts';

/** What people read: it names nothing that does not exist. */
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'guest/PROTOCOL.md',
  ...['docs', 'docs/decisions'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];
const textOf = (page: string): string => readFileSync(join(PROJECT, page), 'utf8');
const linksOf = (page: string): string[] =>
  [...textOf(page).matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/** Command lines of hull's: between backticks, and lines of examples. Without comments, up to the next command of the shell. */
function commandLines(text: string): string[] {
  const examples = [...text.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, body = '']) => body.split('\n'));
  const spans = [...text.replaceAll(/^```\w*\n.*?^```/gms, '').matchAll(/`([^`\n]+)`/g)];
  return [...examples, ...spans.map(([, span = '']) => span)]
    .flatMap((line) => line.replace(/ # .*| {2,}.*/, '').split(/[;|&]+|[<$]?\(|\)/))
    .map((line) => line.trim())
    .filter((line) => /^hull [a-z]/.test(line));
}

/** What of a command line there is not; null when all of it is there. Values are not looked at. */
async function unknownIn(line: string): Promise<string | null> {
  const words = line.split(/\s+/).slice(1);
  const found = findCommand(words);
  if (found === null) {
    const [group = '', member = '…'] = words;
    const isGroup = own(GROUPS, group) !== undefined && !/^[a-z]/.test(member);
    return isGroup || group === 'internal' ? null : line;
  }
  const { command } = await found.entry.load();
  try {
    parseFlags(command.flags, found.rest, { passThrough: command.passThrough });
    return null;
  } catch (error) {
    // Values stand for others (`…`, `DIR`) and may be none.
    return messageOf(error).startsWith('unknown ') ? `${line}: ${messageOf(error)}` : null;
  }
}

test.each(pages)('%s links to what is there', (page) => {
  const missing = linksOf(page).filter((target) => !existsSync(join(PROJECT, dirname(page), target)));
  expect(missing).toEqual([]);
});

test.each(pages)('%s names commands and flags that hull has', async (page) => {
  const unknown = await Promise.all(commandLines(textOf(page)).map(unknownIn));
  expect(unknown.filter((line) => line !== null)).toEqual([]);
});

test.each(pages)('%s names files that exist', (page) => {
  const named = [...textOf(page).matchAll(/`((?:src|test|guest|scripts|api|docs)\/[\w./-]+\.[a-z]+)`/g)];
  const missing = named
    .map(([, path = '']) => path)
    .filter((path) => ![PROJECT, join(PROJECT, dirname(page))].some((base) => existsSync(join(base, path))));
  expect(missing).toEqual([]);
});

test('the index has every page', () => {
  const linked = new Set(linksOf('docs/README.md').map((target) => join('docs', target)));
  const absent = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(absent.filter((page) => !linked.has(page))).toEqual([]);
});

test('commands that are not there are found', async () => {
  expect(commandLines('`hull frob x`\n```sh\nhull ps --frob; hull ps -a  # all\n```\n')).toEqual([
    'hull ps --frob',
    'hull ps -a',
    'hull frob x',
  ]);
  expect(await unknownIn('hull frob x')).toBe('hull frob x');
  expect(await unknownIn('hull ps --frob')).toBe('hull ps --frob: unknown flag: --frob');
  expect(await unknownIn('hull run -d --name a --frob busybox')).toContain('--frob');
  expect(await unknownIn('hull run -d busybox ls --color')).toBeNull();
  expect(await unknownIn('hull volume …')).toBeNull();
});
