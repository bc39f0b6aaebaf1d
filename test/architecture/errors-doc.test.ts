import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { ERRORS_PAGE, errorsPage } from '../../scripts/errors-doc.ts';
import { ERROR_CODES } from '../../src/model/error-codes.ts';

test('docs/errors.md has every code with its kind and sentence (bun scripts/errors-doc.ts writes it)', () => {
  expect(readFileSync(ERRORS_PAGE, 'utf8')).toBe(errorsPage());
});

test.each(Object.entries(ERROR_CODES))('the page names %s under its kind', (code, { kind, doc }) => {
  const section = errorsPage()
    .split(/^## /m)
    .find((part) => part.startsWith(`${kind}\n`));
  expect(section).toContain(`| \`${code}\` | ${doc} |`);
});

test('every sentence is one: it ends, and it would not break the table', () => {
  const bad = Object.entries(ERROR_CODES).filter(([, { doc }]) => !/^[A-Z`][^|\n]*\.$/.test(doc));
  expect(bad).toEqual([]);
});
