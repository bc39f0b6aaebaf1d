import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { HullError } from '../model/errors.ts';
import { faultOf } from './faults.ts';

/** In the data folder and in the run folder: whose it is. */
const FILE = 'engine.json';
export const DATABASE_FILE = 'hull.db';
/** A database that was made again, before it takes its place. */
export const REBUILT_FILE = 'hull.db.rebuilt';
/** Of the two files. */
const FORMAT = 1;
/** Bytes 0 to 15 of every SQLite database (sqlite.org/fileformat.html, 1.3). */
const SQLITE_MAGIC = 'SQLite format 3\0';
const USER_VERSION_OFFSET = 60;
const SQLITE_HEADER = 100;
/** Folders of the data folder with what cannot be made again. */
const CONTENT = ['blobs/sha256', 'l', 'instances', 'volumes', 'snapshots', 'machines'];

const dataMark = v.object({
  format: v.literal(FORMAT),
  /** A UUID, drawn once. */
  id: v.pipe(v.string(), v.uuid()),
  /** The run folder that the engine used last. */
  run: v.string(),
  /** Four hexadecimal digits, in the name of every kernel object; absent in marks of older versions. */
  tag: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{4}$/))),
  /** How many migrations the database has seen. */
  state: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
const runMark = v.object({
  format: v.literal(FORMAT),
  id: v.pipe(v.string(), v.uuid()),
  /** The data folder that the engine uses. */
  data: v.string(),
  /** The boot (`/proc/sys/kernel/random/boot_id`) in which it was used last: after another one nothing runs there any more. */
  boot: v.string(),
});

/** The contents of `DATA/engine.json`. */
export type DataMark = v.InferOutput<typeof dataMark>;
/** The contents of `RUN/engine.json`. */
export type RunMark = v.InferOutput<typeof runMark>;

/** Whose data folder it is; null when nobody's yet. Throws `not-supported` for one of a newer version, `state-corrupt` for a damaged file. */
export function readDataMark(folder: string): DataMark | null {
  return readMark(folder, dataMark);
}

/** Whose run folder it is; null when nobody's. Throws as `readDataMark`. */
export function readRunMark(folder: string): RunMark | null {
  return readMark(folder, runMark);
}

/** Writes the file so that it is there whole or not at all, also after a power cut. */
export function writeMark(folder: string, mark: Omit<DataMark, 'format'> | Omit<RunMark, 'format'>): void {
  const path = join(folder, FILE);
  const temporary = `${path}.new`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(descriptor, `${JSON.stringify({ format: FORMAT, ...mark })}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

export function markPath(folder: string): string {
  return join(folder, FILE);
}

/** What lies where the database should be: `version` is the number of its migrations as its header says. */
export type DatabaseFile =
  { readonly found: 'nothing' } | { readonly found: 'file'; readonly version: number };

/** Looks at the first bytes only: SQLite would write beside the file. An empty file is nothing. */
export function lookAtDatabase(folder: string): DatabaseFile {
  const header = Buffer.alloc(SQLITE_HEADER);
  let bytes = 0;
  try {
    const descriptor = openSync(join(folder, DATABASE_FILE), 'r');
    try {
      bytes = readSync(descriptor, header, 0, SQLITE_HEADER, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { found: 'nothing' };
    throw error;
  }
  if (bytes === 0) return { found: 'nothing' };
  const isDatabase = header.subarray(0, SQLITE_MAGIC.length).toString('latin1') === SQLITE_MAGIC;
  const version = isDatabase && bytes === SQLITE_HEADER ? header.readUInt32BE(USER_VERSION_OFFSET) : 0;
  return { found: 'file', version };
}

/** Kinds of things that lie in a data folder and cannot be made again, with their number. */
export function contentOf(folder: string): readonly string[] {
  return CONTENT.flatMap((name) => {
    const { length } = entriesOf(join(folder, name));
    return length === 0 ? [] : [`${length} in ${name}`];
  });
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readMark<T>(folder: string, schema: v.GenericSchema<unknown, T>): T | null {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value = parsed(text);
  const format = v.safeParse(v.object({ format: v.number() }), value);
  if (format.success && format.output.format > FORMAT)
    throw new HullError(
      'not-supported',
      `${path} was written by a newer version of hull (its format is ${format.output.format}, this one knows ${FORMAT}); upgrade hull`,
    );
  const mark = v.safeParse(schema, value);
  if (mark.success) return mark.output;
  throw new HullError(
    'state-corrupt',
    `${path}, which says whose folder this is, is damaged (${faultOf(mark.issues)}); when you know that no other engine uses ${folder}, delete the file`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
