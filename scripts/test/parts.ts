import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { runCommand, type CommandResult } from './command.ts';
import { parseJunit } from './junit.ts';
import { readText } from './text.ts';

/** What one command of the run came to. */
export interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  readonly log: string;
  /** What to show of the log when something failed. */
  readonly excerpt: string;
}

export interface Workplace {
  readonly project: string;
  readonly logs: string;
  readonly env: NodeJS.ProcessEnv;
  /** `performance.now()` when the whole run has to end. */
  readonly deadline: number;
}

const MINUTE = 60_000;

/** How much longer than on a common machine everything may take, e.g. 10 where the machine is emulated: `HULL_TEST_PATIENCE`. */
export function patience(): number {
  const asked = Number(process.env['HULL_TEST_PATIENCE'] ?? '1');
  return asked >= 1 ? asked : 1;
}

/** A command that is one test: it passes when its exit status is 0. */
export async function check(
  place: Workplace,
  name: string,
  command: readonly string[],
  timeout = 5 * MINUTE,
): Promise<Outcome> {
  const log = join(place.logs, `${fileName(name)}.log`);
  const result = await runCommand(command, {
    log,
    cwd: place.project,
    env: place.env,
    timeout: within(place, timeout),
  });
  const fine = result.status === 0;
  return {
    name,
    passed: fine ? 1 : 0,
    failed: fine ? [] : [name],
    skipped: [],
    log,
    excerpt: tail(result.output),
  };
}

/** A run of bun's test runner over files or folders. `limit`: milliseconds for each test. */
export async function bunTests(
  place: Workplace,
  name: string,
  paths: readonly string[],
  times: { limit: number; timeout: number },
): Promise<Outcome> {
  const log = join(place.logs, `${fileName(name)}.log`);
  const report = join(place.logs, `${fileName(name)}.xml`);
  rmSync(report, { force: true });
  const command = [
    process.execPath,
    'test',
    `--timeout=${times.limit * patience()}`,
    '--reporter=junit',
    `--reporter-outfile=${report}`,
    ...paths,
  ];
  const result = await runCommand(command, {
    log,
    cwd: place.project,
    env: place.env,
    timeout: within(place, times.timeout),
  });
  const { passed, failed, skipped } = parseJunit(readText(report));
  return {
    name,
    passed,
    failed: [...failed, ...crashes(name, result, failed.length)],
    skipped,
    log,
    excerpt: failures(result.output),
  };
}

/** Failures that no test case stands for: files that cannot be loaded, a runner that died or hung. */
function crashes(name: string, result: CommandResult, failed: number): string[] {
  if (result.timedOut) return [`${name}: the runner did not end in time`];
  const broken = Number(/^ (\d+) errors?$/m.exec(result.output)?.[1] ?? 0);
  const found = Array.from({ length: broken }, () => `${name}: an error outside of any test`);
  if (result.status !== 0 && failed + broken === 0)
    found.push(`${name}: the runner ended with status ${result.status ?? 'unknown: killed'}`);
  return found;
}

/** Folders below the project that hold at least one test file. */
export function withTests(project: string, folders: readonly string[]): string[] {
  return folders
    .filter((folder) => testFiles(join(project, folder)).length > 0)
    .map((folder) => `./${folder}`);
}

/** Test files below a folder, in alphabetical order, relative to `folder`; none when it does not exist. */
export function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

export async function staticChecks(place: Workplace): Promise<Outcome[]> {
  const tool = (program: string) => join(place.project, 'node_modules/.bin', program);
  return Promise.all([
    check(place, 'types', [tool('tsc'), '--noEmit']),
    check(place, 'lint', [tool('oxlint'), '--type-aware', '--deny-warnings']),
    check(place, 'format', [tool('prettier'), '--check', '--log-level=warn', '.']),
  ]);
}

/** The tests of folders of test/ that use the whole host: each file in a process of its own, one after another. */
export async function* hostTests(
  place: Workplace,
  folders: readonly string[],
  filter: string,
): AsyncGenerator<Outcome> {
  for (const folder of folders) {
    for (const file of testFiles(join(place.project, 'test', folder))) {
      if (!file.includes(filter)) continue;
      const name = `${folder} ${basename(file, '.test.ts')}`;
      yield await bunTests(place, name, [`./test/${folder}/${file}`], {
        limit: 2 * MINUTE,
        timeout: 10 * MINUTE,
      });
    }
  }
}

/** Time that a command may take: its own limit, but not past the end of the run. At least a second, so that it fails and says so. */
function within(place: Workplace, timeout: number): number {
  return Math.max(1000, Math.min(timeout * patience(), place.deadline - performance.now()));
}

function fileName(name: string): string {
  return name.replace(/[^a-zA-Z0-9]+/g, '-');
}

function tail(output: string): string {
  return output.trimEnd().split('\n').slice(-60).join('\n');
}

/** The runner's output without the tests that passed. */
function failures(output: string): string {
  return tail(
    output
      .split('\n')
      .filter((line) => !/^\((pass|skip|todo)\)/.test(line))
      .join('\n')
      .replace(/\n{3,}/g, '\n\n'),
  );
}
