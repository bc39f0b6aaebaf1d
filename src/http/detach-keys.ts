import { HullError } from '../model/errors.ts';

const DEFAULT_KEYS = 'ctrl-p,ctrl-q';

/**
 * Key sequence by which a client leaves a terminal: `ctrl-p,ctrl-q`, `ctrl-\`, `a,b`. Empty asks for the default. Throws
 * `invalid-argument`.
 */
export function parseDetachKeys(text: string): Uint8Array {
  const keys = text === '' ? DEFAULT_KEYS : text;
  return Uint8Array.from(keys.split(','), (key) => {
    if (key.length === 1) return key.charCodeAt(0) & 0xff;
    const letter = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (letter === undefined) {
      throw new HullError(
        'invalid-argument',
        `Invalid escape keys (${keys}) provided: "${key}" is neither a character nor ctrl- and one of a-z @ [ \\ ] ^ _`,
      );
    }
    return letter.toUpperCase().charCodeAt(0) - 64;
  });
}

/** What to pass on of a piece of input, and whether the client asked to leave after it. */
export interface WatchedInput {
  readonly passed: Uint8Array;
  readonly left: boolean;
}

/** Watches input for the keys. Bytes that may begin the sequence are held back until they are known not to. */
export function detachWatcher(keys: Uint8Array): (data: Uint8Array) => WatchedInput {
  let matched = 0;
  return (data) => {
    const passed: number[] = [];
    for (const byte of data) {
      if (byte !== keys[matched]) {
        for (const held of keys.subarray(0, matched)) passed.push(held);
        matched = 0;
      }
      if (byte !== keys[matched]) {
        passed.push(byte);
        continue;
      }
      matched += 1;
      if (matched === keys.length) return { passed: Uint8Array.from(passed), left: true };
    }
    return { passed: Uint8Array.from(passed), left: false };
  };
}
