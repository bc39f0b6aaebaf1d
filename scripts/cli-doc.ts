/**
 * Writes docs/cli.md from the commands: `bun scripts/cli-doc.ts`.
 * A test fails when the page and the commands differ.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { commandReference } from '../src/cli/reference.ts';

export const CLI_PAGE = resolve(import.meta.dirname, '../docs/cli.md');

if (import.meta.main) writeFileSync(CLI_PAGE, await commandReference());
