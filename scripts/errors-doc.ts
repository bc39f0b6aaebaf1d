/**
 * Writes docs/errors.md from the one table of error codes: `bun scripts/errors-doc.ts`.
 * A test fails when the page and the table differ.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ERROR_CODES, type ErrorKind } from '../src/model/error-codes.ts';

export const ERRORS_PAGE = resolve(import.meta.dirname, '../docs/errors.md');

/** What each kind means to the one who meets it. */
const KINDS: Readonly<Record<ErrorKind, string>> = {
  NotFound: 'What was named does not exist.',
  Conflict: 'It is at odds with something that exists or runs.',
  InvalidArgument: 'What was given cannot be right, whatever the state of the engine.',
  Unsupported: 'This host or this isolation cannot do it.',
  Unavailable: 'Something that is needed is missing or does not answer; it may work later.',
  Denied: 'It is not allowed.',
  Corrupt: 'Stored or received data is damaged.',
  Internal: 'The engine itself is at fault.',
};

/** The page: a table per kind, in the order of `KINDS`, codes in alphabetical order. */
export function errorsPage(): string {
  const codes = Object.entries(ERROR_CODES);
  const sections = Object.entries(KINDS).map(([kind, meaning]) => {
    const rows = codes
      .filter(([, entry]) => entry.kind === kind)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([code, entry]) => `| \`${code}\` | ${entry.doc} |`);
    return `## ${kind}\n\n${meaning}\n\n| code | when it occurs, and what to do |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Error codes\n\nEvery error of the engine has one of these codes. Codes are stable: scripts may rely on them; the words of a message may change.\nThis page is written by \`scripts/errors-doc.ts\` from \`src/model/error-codes.ts\`.\n\n${sections.join('\n')}`;
}

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage());
