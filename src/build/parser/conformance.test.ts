import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isHullError } from '../../model/errors.ts';
import { parseBlueprint } from './parse.ts';
import type { InstructionNode } from './tree.ts';

/** Docker's own parser cases (moby/buildkit, frontend/dockerfile/parser/testfiles): Dockerfiles with the tree expected of them. */
const CASES = process.env['HULL_SPEC_DIR'] ?? join(import.meta.dir, '../../../../shared/spec');
const folder = join(CASES, 'dockerfile-parser');
const present = existsSync(folder);

/** Go's %q, as far as the cases need it. */
function quote(text: string): string {
  const names: Record<string, string> = {
    '"': '\\"',
    '\\': '\\\\',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
  };
  const escaped = Array.from(text, (c) => {
    const code = c.charCodeAt(0);
    return names[c] ?? (code < 0x20 ? `\\x${code.toString(16).padStart(2, '0')}` : c);
  }).join('');
  return `"${escaped}"`;
}

function dump(node: InstructionNode): string {
  const flags = node.flags.length === 0 ? '' : ` [${node.flags.map((flag) => quote(flag.text)).join(' ')}]`;
  const nested = node.nested === null ? '' : ` (${dump(node.nested)})`;
  return `${node.keyword}${flags}${nested}${node.args.map((arg) => ` ${quote(arg.text)}`).join('')}`;
}

describe.skipIf(!present)(
  `Docker's parser cases (skipped where ${folder} is absent: set HULL_SPEC_DIR)`,
  () => {
    const names = (kind: string): string[] => (present ? readdirSync(join(folder, kind)) : []);
    const read = (kind: string, name: string, file: string): string =>
      readFileSync(join(folder, kind, name, file), 'utf8');

    test.each(names('positive'))('%s', (name) => {
      const tree = parseBlueprint(read('positive', name, 'Dockerfile'));
      const dumped = tree.instructions.map((node) => `(${dump(node)})`).join('\n');
      expect(dumped).toBe(read('positive', name, 'result').trim());
    });

    test.each(names('negative'))('refuses %s', (name) => {
      let thrown: unknown = null;
      try {
        parseBlueprint(read('negative', name, 'Dockerfile'));
      } catch (error) {
        thrown = error;
      }
      expect(isHullError(thrown, 'blueprint-invalid')).toBe(true);
    });
  },
);
