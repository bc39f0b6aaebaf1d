/** Runs the tests, part by part; `scripts/test.sh` installs what this needs and starts it. The last line is `N passed, N failed`. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { endProcesses, hostThings, leftBehind } from './leftovers.ts';
import {
  bunTests,
  check,
  hostTests,
  patience,
  staticChecks,
  withTests,
  type Outcome,
  type Workplace,
} from './parts.ts';

const MINUTE = 60_000;
const PROJECT = resolve(import.meta.dirname, '../..');

type Part = (place: Workplace, filter: string) => AsyncIterable<Outcome>;

const PARTS: Readonly<Record<string, Part>> = {
  async *static(place) {
    yield* await staticChecks(place);
  },
  async *unit(place) {
    const folders = withTests(PROJECT, ['src', 'api', 'scripts', 'bench']);
    yield await bunTests(place, 'unit', folders, { limit: 30_000, timeout: 8 * MINUTE });
  },
  async *architecture(place) {
    yield await bunTests(place, 'architecture', ['./test/architecture'], {
      limit: 60_000,
      timeout: 3 * MINUTE,
    });
  },
  async *guest(place) {
    if (existsSync(join(PROJECT, 'guest/test.sh')))
      yield await check(place, 'guest program', ['bash', 'guest/test.sh']);
  },
  async *integration(place, filter) {
    yield* hostTests(place, ['integration', 'faults'], filter);
  },
  async *compat(place, filter) {
    yield* hostTests(place, ['compat'], filter);
  },
};

/** Everything the tests write goes below one folder with a short name: socket paths are limited to 107 bytes. */
function workplace(): Workplace & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ht-'));
  const logs = join(PROJECT, '.cache/logs/test');
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  const env = {
    ...process.env,
    TMPDIR: folder,
    NO_COLOR: '1',
    PATH: `${process.env['PATH'] ?? ''}:${join(PROJECT, '.cache/tools')}`,
    HULL_TEST_BINARY: join(PROJECT, 'dist/hull'),
    ...guestKernel(join(PROJECT, '.cache/kernels/boot')),
  };
  return { project: PROJECT, logs, env, deadline: performance.now() + 45 * MINUTE * patience(), folder };
}

/** The kernel that setup unpacked, for tests that boot one. */
function guestKernel(folder: string): NodeJS.ProcessEnv {
  const name = existsSync(folder)
    ? readdirSync(folder).find((each) => each.startsWith('vmlinuz-'))
    : undefined;
  return name === undefined ? {} : { HULL_GUEST_KERNEL: join(folder, name) };
}

function show(outcome: Outcome): void {
  const { passed, failed, skipped } = outcome;
  const counts = [
    `${passed} passed`,
    `${failed.length} failed`,
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ];
  console.log(`[${clock()}] ${outcome.name}: ${counts.join(', ')}`);
  if (failed.length === 0) return;
  for (const name of failed) console.log(`  FAILED ${name}`);
  if (outcome.excerpt !== '') console.log(outcome.excerpt.replace(/^/gm, '  | '));
  console.log(`  the whole log: ${relative(PROJECT, outcome.log)}`);
}

function clock(): string {
  return `${String(Math.round(performance.now() / 1000)).padStart(3)}s`;
}

async function runParts(names: readonly string[], filter: string): Promise<Outcome[]> {
  const place = workplace();
  const before = hostThings(place.folder);
  const outcomes: Outcome[] = [];
  const add = (outcome: Outcome) => {
    outcomes.push(outcome);
    show(outcome);
  };
  try {
    add(await check(place, 'build', ['bash', 'scripts/build.sh']));
    for (const name of names) {
      for await (const outcome of PARTS[name]?.(place, filter) ?? []) add(outcome);
    }
    add(await leftoversOutcome(before, place.folder));
  } finally {
    tidy(place.folder);
  }
  return outcomes;
}

/** Ends what still runs from the tests' folder, and removes it; never across a mount: what a test bound there is not the tests' to delete. */
function tidy(folder: string): void {
  endProcesses(folder);
  spawnSync('rm', ['-rf', '--one-file-system', folder], { stdio: 'inherit' });
}

async function leftoversOutcome(before: ReadonlySet<string>, folder: string): Promise<Outcome> {
  const name = 'nothing left behind on the host';
  const left = await leftBehind(before, folder);
  return {
    name,
    passed: left.length === 0 ? 1 : 0,
    failed: left.length === 0 ? [] : [name],
    skipped: [],
    log: join(PROJECT, '.cache/logs/test'),
    excerpt: left.join('\n'),
  };
}

function summary(outcomes: readonly Outcome[]): number {
  const failed = outcomes.flatMap((outcome) => outcome.failed);
  const skipped = outcomes.flatMap((outcome) => outcome.skipped);
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  for (const name of skipped) console.log(`skipped: ${name}`);
  if (skipped.length > 0) console.log(`${skipped.length} skipped`);
  for (const name of failed) console.log(`FAILED: ${name}`);
  console.log(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0 && passed > 0 ? 0 : 1;
}

const [part = 'all', filter = ''] = process.argv.slice(2);
if (part !== 'all' && PARTS[part] === undefined) {
  console.error(`error: there is no part "${part}"; the parts are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exit(summary(await runParts(part === 'all' ? Object.keys(PARTS) : [part], filter)));
