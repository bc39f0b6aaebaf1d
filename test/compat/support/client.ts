import { describe, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestEngine } from '../../support/engine.ts';
import { Running } from './command.ts';

/** One line that a client's script prints for each of its cases. */
interface CaseResult {
  readonly name: string;
  readonly error: string | null;
}

interface ClientScript {
  readonly title: string;
  /** Program and the script below `clients/`, e.g. `['node', 'dockerode.mjs']`. */
  readonly command: readonly [program: string, script: string];
  readonly engine: TestEngine;
  readonly env?: Readonly<Record<string, string>>;
}

const LIMIT = 120_000;

/** How the scripts write the beginning of a case. */
const CASE = /^(?:@case\ndef (?<python>\w+)|test\('(?<node>[^']+)')/gm;

/**
 * The cases of a script that runs in the client library's own language. They run one after another in one process, which prints a line
 * for each; here each is a test. They are found in the script's text, so that one that silently did not run is a failure.
 */
export function clientCases(script: ClientScript): void {
  const text = readFileSync(scriptPath(script), 'utf8');
  const names = [...text.matchAll(CASE)].map(({ groups }) => groups?.['python'] ?? groups?.['node'] ?? '');
  describe(script.title, () => {
    const running = once(() => start(script));
    test.each(names.map((name) => [name]))(
      '%s',
      async (name) => {
        const result = await running().result(name);
        if (result.error !== null) throw new Error(result.error);
      },
      LIMIT,
    );
  });
}

const scriptPath = ({ command: [, file] }: ClientScript) => join(import.meta.dir, '../clients', file);

function start(script: ClientScript) {
  const { command, engine, env } = script;
  const running = new Running([command[0], scriptPath(script)], {
    timeout: LIMIT,
    env: { HOME: engine.folder, DOCKER_HOST: engine.url, DOCKER_CONFIG: engine.folder, ...env },
  });
  let ended = false;
  void running.finished.then(() => (ended = true));
  return {
    async result(name: string): Promise<CaseResult> {
      for (;;) {
        // Asked before reading: what was printed before the end is seen.
        const over = ended;
        const found = results(running.output.stdout).find((result) => result.name === name);
        if (found !== undefined) return found;
        if (over) {
          const { code, stderr } = await running.finished;
          throw new Error(`the script ended (${code}) without this case: ${stderr.slice(-3000)}`);
        }
        await Bun.sleep(20);
      }
    },
  };
}

function results(stdout: string): CaseResult[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"name"'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as CaseResult];
      } catch {
        // Half a line so far.
        return [];
      }
    });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
