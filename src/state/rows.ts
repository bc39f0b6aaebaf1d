import * as v from 'valibot';
import { HullError, isHullError } from '../model/errors.ts';
import type { Digest } from '../model/image.ts';
import type { SqlRow } from './database.ts';
import { faultOf } from './faults.ts';
import { digest as digestSchema, fileName, type RecordFormat, readRecord } from './record-format.ts';

/** A text column. */
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw damaged(column, 'it holds no text');
}

/** A number column. */
export function integer(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw damaged(column, 'it holds no number');
}

/** A column with JSON of a known format. */
export function json<T>(row: SqlRow, column: string, format: RecordFormat): T {
  const reading = readRecord<T>(format, text(row, column));
  if ('record' in reading) return reading.record;
  throw damaged(column, reading.fault);
}

/** A column with a digest. */
export function digest(row: SqlRow, column: string): Digest {
  return checked(row, column, digestSchema) as Digest;
}

/** A column with the name of a file in a folder of the engine's: it must not lead anywhere else. */
export function file(row: SqlRow, column: string): string {
  return checked(row, column, fileName);
}

/** The rows that can be understood. */
export function understood<T>(rows: readonly SqlRow[], read: (row: SqlRow) => T): T[] {
  return rows.flatMap((row) => {
    const fault = faultIn(row, read);
    return fault === null ? [read(row)] : [];
  });
}

/** What is wrong with a row; null when it can be understood. */
export function faultIn(row: SqlRow, read: (row: SqlRow) => unknown): string | null {
  try {
    read(row);
    return null;
  } catch (error) {
    if (isHullError(error, 'state-corrupt')) return error.message;
    throw error;
  }
}

/** Reads a row that somebody asks for by name. Throws `state-corrupt` with what is damaged and what to do. */
export function readOrTell<T>(row: SqlRow, read: (row: SqlRow) => T, what: string, advice: string): T {
  const fault = faultIn(row, read);
  if (fault === null) return read(row);
  throw new HullError('state-corrupt', `the record of ${what} is damaged (${fault}); ${advice}`);
}

function checked(row: SqlRow, column: string, schema: v.GenericSchema<unknown, string>): string {
  const result = v.safeParse(schema, row[column]);
  if (result.success) return result.output;
  throw damaged(column, faultOf(result.issues));
}

function damaged(column: string, fault: string): HullError {
  return new HullError('state-corrupt', `${column}: ${fault}`);
}
