import { HullError } from '../model/errors.ts';
import type { SqlRow } from './database.ts';

/** A text column. */
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new HullError('state-corrupt', `the state's column ${column} holds no text`);
}

/** A number column. */
export function integer(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new HullError('state-corrupt', `the state's column ${column} holds no number`);
}

/** A column with JSON that this program wrote itself. */
export function json<T>(row: SqlRow, column: string): T {
  try {
    return JSON.parse(text(row, column)) as T;
  } catch (error) {
    throw new HullError('state-corrupt', `the state's column ${column} holds no JSON`, { cause: error });
  }
}
