import { constants } from 'node:os';
import { HullError } from '../../model/errors.ts';
import type { InstanceConfig } from '../../model/instance.ts';

const MAX_SIGNAL = 64;
/** The C library's numbers: the first two are its own. */
const REALTIME_MIN = 34;

/** A signal's number from `SIGTERM`, `term`, `15` or `RTMIN+3`. Throws `invalid-argument`. */
export function signalNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= 1 && number <= MAX_SIGNAL) return number;
  const name = text.toUpperCase();
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  const found = Object.entries(constants.signals).find(([known]) => known === full)?.[1];
  const signal = found ?? realtimeSignal(full);
  if (signal !== null) return signal;
  throw new HullError('invalid-argument', `invalid signal: ${text}`);
}

/** Does this signal end a program that has not begun? Those of terminals and users that do by default, and its own stop signal. */
export function endsStart(number: number, { stopSignal }: Pick<InstanceConfig, 'stopSignal'>): boolean {
  const { SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM } = constants.signals;
  return [SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, signalNumber(stopSignal)].includes(number);
}

/** `SIGRTMIN` to `SIGRTMIN+15`, `SIGRTMAX-14` to `SIGRTMAX`, as Docker knows them. */
function realtimeSignal(name: string): number | null {
  const [, end, offset = '0'] = /^SIGRT(MIN(?=\+|$)|MAX(?=-|$))(?:[+-](\d{1,2}))?$/.exec(name) ?? [];
  const distance = Number(offset);
  if (end === 'MIN') return distance <= 15 ? REALTIME_MIN + distance : null;
  if (end === 'MAX') return distance <= 14 ? MAX_SIGNAL - distance : null;
  return null;
}
