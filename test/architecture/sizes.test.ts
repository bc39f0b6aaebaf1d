import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineAt, PROJECT, sourceFiles, withoutComments } from './source-files.ts';

/** Files that are still too long, or hold a function that is. Each is a debt: the list is to be empty. */
const STILL_TOO_LONG: readonly string[] = [];

interface Diagnostic {
  readonly message: string;
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** What the linter, with the rules on sizes alone, says about the paths. */
function oversized(...paths: readonly string[]): string[] {
  const config = join(PROJECT, 'test/architecture/sizes.oxlintrc.json');
  const run = spawnSync(
    join(PROJECT, 'node_modules/.bin/oxlint'),
    ['-c', config, '--format', 'json', ...paths],
    {
      cwd: PROJECT,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    },
  );
  const report = JSON.parse(run.stdout) as {
    readonly diagnostics: readonly Diagnostic[];
    readonly number_of_files: number;
  };
  if (report.number_of_files === 0)
    throw new Error(`the linter saw no file in ${paths.join(', ')}: ${run.stderr}`);
  return report.diagnostics.map(
    (found) => `${found.filename}:${found.labels[0]?.span.line ?? 0} ${found.message} (${found.code})`,
  );
}

describe('sizes', () => {
  test('no file over 400 lines, no function over 60, no any, no switched-off compiler', () => {
    const found = oversized('src', 'api', 'scripts', 'bench', 'test');
    expect(found.filter((line) => !STILL_TOO_LONG.some((path) => line.startsWith(`${path}:`)))).toEqual([]);
  });

  test('the list of exceptions names only files that still need it', () => {
    const found = STILL_TOO_LONG.length === 0 ? [] : oversized('src', 'api', 'scripts', 'bench', 'test');
    expect(STILL_TOO_LONG.filter((path) => !found.some((line) => line.startsWith(`${path}:`)))).toEqual([]);
  });

  test('a lint rule is switched off only with a reason, after two hyphens', () => {
    const bare = sourceFiles('src', 'api', 'scripts', 'bench', 'test').flatMap((file) =>
      [...file.text.matchAll(/(?:ox|es)lint-disable[^\n]*/g)]
        .filter((match) => !/ -- \S/.test(match[0]))
        .map((match) => `${file.path}:${lineAt(file.text, match.index)} ${match[0]}`),
    );
    expect(bare.filter((line) => !line.startsWith('test/architecture/'))).toEqual([]);
  });

  test('no module-level mutable variable', () => {
    const found = sourceFiles('src', 'api').flatMap((file) =>
      file.path.endsWith('.test.ts')
        ? []
        : [...withoutComments(file.text).matchAll(/^(?:export )?(?:let|var) \w+/gm)].map(
            (match) => `${file.path}:${lineAt(file.text, match.index)} ${match[0]}`,
          ),
    );
    expect(found).toEqual([]);
  });
});

describe('the checker', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hull-sizes-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    [
      'long-function.ts',
      `export function long(): void {\n${'  void 0;\n'.repeat(60)}}\n`,
      'max-lines-per-function',
    ],
    ['long-file.ts', 'export {};\n'.repeat(401), 'max-lines'],
    ['any.ts', 'export const x: any = 1;\n', 'no-explicit-any'],
    ['ignore.ts', '// @ts-ignore\nexport const x = 1;\n', 'ban-ts-comment'],
  ])('catches %s', (name, text, rule) => {
    writeFileSync(join(folder, name), text);
    expect(oversized(join(folder, name)).join('\n')).toContain(rule);
  });
});
