import * as v from 'valibot';
import { messageOf } from '../model/errors.ts';
import { faultOf } from './faults.ts';

/** An object with any fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** How one kind of record is kept as JSON in the database. */
export interface RecordFormat {
  /** What must hold for a record of the newest version. Fields that it does not name are let through as they are. */
  readonly schema: v.GenericSchema;
  /** Step `i` makes of a record of version `i` one of version `i + 1`. Never changed once released. Records without a version are of version 0. */
  readonly steps: readonly ((record: Fields) => Fields)[];
}

/** A record, or what is wrong with it. */
export type Reading<T> = { readonly record: T } | { readonly fault: string };

const VERSION = 'recordVersion';
const readFields = v.custom<Fields>(isFields, 'Expected an object');

/** Reads a record, brings it to the newest version step by step, and checks it. Never throws. `T` is the type that the format's schema stands for. */
export function readRecord<T>(format: RecordFormat, text: string): Reading<T> {
  try {
    const fields = v.safeParse(readFields, JSON.parse(text));
    if (!fields.success) return { fault: faultOf(fields.issues) };
    const { [VERSION]: version = 0, ...kept } = fields.output;
    const { length } = format.steps;
    if (typeof version !== 'number' || !Number.isInteger(version) || version < 0 || version > length)
      return { fault: `its version is ${JSON.stringify(version)}, and this program knows ${length}` };
    const record = format.steps.slice(version).reduce((before, step) => step(before), kept as Fields);
    const checked = v.safeParse(format.schema, record, { abortEarly: true });
    return checked.success ? { record: record as T } : { fault: faultOf(checked.issues) };
  } catch (error) {
    return { fault: messageOf(error).slice(0, 300) };
  }
}

/** A record as it is kept. */
export function writeRecord(format: RecordFormat, record: object): string {
  return JSON.stringify({ ...record, [VERSION]: format.steps.length });
}

/** An object with these fields; unlike Valibot's own, no list passes for one. */
export function fields(entries: v.ObjectEntries): v.GenericSchema {
  return v.pipe(readFields, v.object(entries));
}

/** An object with any names and such values. */
export function map(value: v.GenericSchema): v.GenericSchema {
  return v.pipe(readFields, v.record(v.string(), value));
}

/** May be absent. */
export function maybe(schema: v.GenericSchema): v.GenericSchema {
  return v.optional(schema);
}

export const text = v.string();
export const number = v.number();
export const integer = v.pipe(v.number(), v.integer());
export const flag = v.boolean();
export const texts = v.array(v.string());
export const textMap = map(v.string());
/** 64 hexadecimal digits. */
export const hexId = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
export const digest: v.GenericSchema<unknown, string> = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
/** Of a file or folder in a folder of the engine's: leads nowhere else. */
export const fileName: v.GenericSchema<unknown, string> = v.pipe(
  v.string(),
  v.regex(/^(?!\.{1,2}$)[^/\0]{1,255}$/),
);

function isFields(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
