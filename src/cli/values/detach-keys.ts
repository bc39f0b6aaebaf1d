import { UsageError } from '../usage-error.ts';

const DEFAULT = 'ctrl-p,ctrl-q';
const CONTROL: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

/** `ctrl-p,ctrl-q`, `ctrl-]`, `q`: the bytes that a terminal sends for them. Throws an Error. */
export function parseDetachKeys(value: string): Uint8Array {
  if (value === '') return new Uint8Array();
  return Uint8Array.from(value.split(','), keyOf);
}

function keyOf(key: string): number {
  const control = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase();
  if (control === undefined) {
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new Error(`${JSON.stringify(key)} is not a key: use a letter or ctrl-LETTER, separated by commas`);
  }
  const code = /[a-z]/.test(control) ? control.charCodeAt(0) - 96 : CONTROL[control];
  if (code === undefined) throw new Error(`ctrl-${control} is not a key`);
  return code;
}

/**
 * Looks for the detach sequence in what is typed, also across pieces. A beginning that turns out not to be the whole is
 * passed on late.
 */
export class DetachWatch {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** Bytes to pass on, and whether the sequence was completed (what follows it is dropped). */
  feed(data: Uint8Array): { pass: Uint8Array; detach: boolean } {
    if (this.#keys.length === 0) return { pass: data, detach: false };
    const pass: number[] = [];
    for (const byte of data) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detach: true };
        continue;
      }
      pass.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] && this.#keys.length > 1 ? 1 : 0;
      if (this.#matched === 0) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detach: false };
  }
}

/** The bytes of `--detach-keys`, or docker's default. Throws `UsageError`. */
export function detachKeysOf(value: string | undefined): Uint8Array {
  try {
    return parseDetachKeys(value ?? DEFAULT);
  } catch (error) {
    throw new UsageError(
      `invalid argument ${JSON.stringify(value)} for --detach-keys: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
