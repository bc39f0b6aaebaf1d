import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { STEP_ID_PREFIX } from '../build/runtime-step-runner.ts';
import { HullError } from '../model/errors.ts';
import { engineIdIn } from '../state/database.ts';
import {
  contentOf,
  DATABASE_FILE,
  type DataMark,
  lookAtDatabase,
  markPath,
  readDataMark,
  readRunMark,
  REBUILT_FILE,
  writeMark,
} from '../state/engine-files.ts';
import { MIGRATIONS } from '../state/migrations.ts';
import { claimTag, tagOf } from './engine-tag.ts';

/** Where versions without marks kept the engine's id. */
const OLD_ID_FILE = 'engine-id';

export interface Claim {
  readonly engineId: string;
  readonly tag: string;
  /** See `contentOf`. */
  readonly content: readonly string[];
}

/**
 * Makes sure that a data folder and a run folder are this engine's, both of it, and marks them so. Nothing is written before everything has been looked
 * at. The caller holds both locks.
 */
export function claimFolders(data: string, run: string): Claim {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const mark = readDataMark(data);
  const content = contentOf(data);
  refuseNewer(data, mark);
  refuseLost(data, content);
  const engineId = mark?.id ?? unmarkedId(data, run);
  refuseOtherRun({ data, run, engineId, boot }, mark);
  refuseOthersRun({ data, run, engineId, boot });
  const there = readRunMark(run);
  const bound = there?.id === engineId && there.boot === boot;
  const last = mark?.tag ?? (bound ? tagOf(data) : undefined);
  const tag = claimTag({ data, last, bound });
  const next = { id: engineId, run, tag, state: MIGRATIONS.length };
  if (mark === null || !isDeepStrictEqual(mark, { format: mark.format, ...next })) writeMark(data, next);
  writeMark(run, { id: engineId, data, boot });
  rmSync(join(data, OLD_ID_FILE), { force: true });
  // The old database is whole and goes on.
  rmSync(join(data, REBUILT_FILE), { force: true });
  return { engineId, tag, content };
}

interface Folders {
  readonly data: string;
  readonly run: string;
  readonly engineId: string;
  readonly boot: string;
}

function refuseNewer(data: string, mark: DataMark | null): void {
  const database = lookAtDatabase(data);
  const version = Math.max(mark?.state ?? 0, database.found === 'file' ? database.version : 0);
  if (version <= MIGRATIONS.length) return;
  throw new HullError(
    'not-supported',
    `the state in ${join(data, DATABASE_FILE)} was written by a newer version of hull (its format is ${version}, this one knows ${MIGRATIONS.length}); upgrade hull`,
  );
}

function refuseLost(data: string, content: readonly string[]): void {
  if (content.length === 0 || lookAtDatabase(data).found === 'file') return;
  throw stateMissing(data, content);
}

/** Things in a data folder, and nothing that says what they are. */
export function stateMissing(data: string, content: readonly string[]): HullError {
  return new HullError(
    'state-missing',
    `the data folder ${data} has things in it (${content.join(', ')}), but its database ${DATABASE_FILE} is missing or empty; put it back from a backup, or run \`hull check --rebuild --data ${data}\``,
  );
}

/** Of a folder that an older version made, or that has lost its mark. */
function unmarkedId(data: string, run: string): string {
  const there = readRunMark(run);
  const known = engineIdIn(join(data, DATABASE_FILE)) ?? (there?.data === data ? there.id : null);
  return known ?? oldId(data) ?? randomUUID();
}

function oldId(data: string): string | null {
  try {
    return /^[0-9a-f-]{36}$/.exec(readFileSync(join(data, OLD_ID_FILE), 'utf8').trim())?.[0] ?? null;
  } catch {
    return null;
  }
}

/** The engine's instances may still run where it kept them last. */
function refuseOtherRun({ data, run, engineId, boot }: Folders, mark: DataMark | null): void {
  if (mark === null || mark.run === run) return;
  const last = readRunMark(mark.run);
  if (last?.id !== engineId || last.boot !== boot) return;
  const advice =
    last.data === data
      ? `start it with --run ${mark.run}, or give that folder back first: hull shutdown --stop`
      : `${data} is a copy of ${last.data}, or was moved: end that engine by \`hull shutdown --stop\`; for a copy that is to live beside it, delete ${markPath(data)}`;
  throw new HullError(
    'engine-mismatch',
    `the engine of ${data} keeps its instances in the run folder ${mark.run}, not in ${run}; ${advice}`,
  );
}

function refuseOthersRun({ data, run, engineId, boot }: Folders): void {
  const there = readRunMark(run);
  if (there === null) return refuseForeign(data, run);
  if (there.boot !== boot || (there.id === engineId && there.data === data)) return;
  throw new HullError(
    'engine-mismatch',
    `the run folder ${run} belongs to the engine of ${there.data}, whose instances may be running; choose another --run folder for ${data}, or let that engine give it back: hull daemon --data ${there.data} --run ${run}, then hull shutdown --stop (when it is gone for good and nothing of it runs: delete ${markPath(run)})`,
  );
}

/** A run folder without a mark, of an older version: what is in it has to be of this engine's instances. */
function refuseForeign(data: string, run: string): void {
  const own = namesIn(join(data, 'instances'));
  const isOwn = (name: string): boolean =>
    name.startsWith(STEP_ID_PREFIX) || own.some((id) => id.startsWith(name));
  const foreign = ['rootfs', 'i'].flatMap((folder) =>
    namesIn(join(run, folder)).filter((name) => !isOwn(name)),
  );
  if (foreign.length === 0) return;
  throw new HullError(
    'engine-mismatch',
    `the run folder ${run} holds instances that are not of ${data} (${foreign[0]}); choose another --run folder, or, when nothing of them runs any more, empty that one`,
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
