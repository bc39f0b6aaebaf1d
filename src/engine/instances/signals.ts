import { constants } from 'node:os';
import { HullError } from '../../model/errors.ts';

const MAX_SIGNAL = 64;

/** A signal's number from `SIGTERM`, `term` or `15`. Throws `invalid-argument`. */
export function signalNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= 1 && number <= MAX_SIGNAL) return number;
  const name = text.toUpperCase();
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  const found = Object.entries(constants.signals).find(([known]) => known === full)?.[1];
  if (found !== undefined) return found;
  throw new HullError('invalid-argument', `Invalid signal: ${text}`);
}
