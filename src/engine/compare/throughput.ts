import { setTimeout as sleep } from 'node:timers/promises';
import {
  THROUGHPUT_KINDS,
  type Measured,
  type Rate,
  type Sample,
  type ThroughputKind,
} from '../../model/comparison.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Place } from './inside.ts';
import { notMeasured, sampleOf } from './statistics.ts';

const CPU_MILLISECONDS = '700';
const NETWORK_MILLISECONDS = '400';
const DISK_MEBIBYTES = '64';
/** Milliseconds in which the host's programs read again what they need at once. */
const AFTER_DROP = 500;

/** What the program got, per second: `here` inside, `host` on the host next to it. */
export interface ThroughputPair {
  readonly here: number;
  readonly host: number;
}

/** All pairs of one subject, and why there are none where something failed. */
export class ThroughputRecord {
  readonly #pairs = new Map<ThroughputKind, ThroughputPair[]>();
  readonly #failures = new Map<ThroughputKind, string>();

  add(kind: ThroughputKind, pair: ThroughputPair): void {
    this.#pairs.set(kind, [...this.pairs(kind), pair]);
  }

  fail(kind: ThroughputKind, why: string): void {
    this.#failures.set(kind, why);
  }

  failed(kind: ThroughputKind): boolean {
    return this.#failures.has(kind);
  }

  pairs(kind: ThroughputKind): readonly ThroughputPair[] {
    return this.#pairs.get(kind) ?? [];
  }

  /** `why`: said where nothing was tried. */
  report(why: string): Record<ThroughputKind, Measured<Rate>> {
    return byKind((kind) => this.#rate(kind, why));
  }

  #rate(kind: ThroughputKind, why: string): Measured<Rate> {
    const pairs = this.pairs(kind);
    const reason = this.#failures.get(kind) ?? why;
    const perSecond = sampleOf(
      pairs.map(({ here }) => here),
      reason,
    );
    const relative = sampleOf(
      pairs.map(({ here, host }) => here / host),
      reason,
    );
    if ('value' in perSecond && 'value' in relative)
      return { value: { perSecond: perSecond.value, relative: relative.value } };
    return notMeasured(reason);
  }
}

/** The host's own figures, from beside every subject's. */
export function hostThroughput(
  records: readonly ThroughputRecord[],
): Record<ThroughputKind, Measured<Sample>> {
  return byKind((kind) =>
    sampleOf(
      records.flatMap((record) => record.pairs(kind).map(({ host }) => host)),
      'no subject was measured beside it',
    ),
  );
}

function byKind<T>(value: (kind: ThroughputKind) => T): Record<ThroughputKind, T> {
  return Object.fromEntries(THROUGHPUT_KINDS.map((kind) => [kind, value(kind)])) as Record<ThroughputKind, T>;
}

export interface ThroughputSetting {
  readonly host: Place;
  readonly here: Place;
  /** Of the instance; null without one. */
  readonly address: string | null;
  /** In this round; the other way round in the next, so that being first favours none. */
  readonly hostFirst: boolean;
  /** Lets the host forget file contents, so that a disk is read and not memory. Throws where it cannot. */
  readonly dropCache: () => void;
}

/** One round of everything, host and instance in turn. What fails is noted and not tried again; the rest goes on. */
export async function measureRound(
  setting: ThroughputSetting,
  record: ThroughputRecord,
  onKind: (kind: ThroughputKind) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (const kind of THROUGHPUT_KINDS) {
    signal?.throwIfAborted();
    if (record.failed(kind)) continue;
    onKind(kind);
    try {
      record.add(kind, await measurePair(kind, setting));
    } catch (error) {
      signal?.throwIfAborted();
      record.fail(kind, messageOf(error));
    }
  }
}

async function measurePair(kind: ThroughputKind, setting: ThroughputSetting): Promise<ThroughputPair> {
  switch (kind) {
    case 'cpu':
      return inTurn(setting, async (place) =>
        rateOf(await place.measure(['cpu', CPU_MILLISECONDS]), 'operations'),
      );
    case 'diskWrite':
      return inTurn(setting, async (place) =>
        rateOf(await place.measure(['disk-write', place.scratch, DISK_MEBIBYTES]), 'bytes'),
      );
    case 'diskRead':
      // Reads back, and removes, what diskWrite left.
      return inTurn(setting, async (place) => {
        setting.dropCache();
        await sleep(AFTER_DROP);
        return rateOf(await place.measure(['disk-read', place.scratch]), 'bytes');
      });
    case 'networkIn':
      return networkPair(setting, 'send');
    case 'networkOut':
      return networkPair(setting, 'receive');
  }
}

async function inTurn(
  { host, here, hostFirst }: ThroughputSetting,
  measure: (place: Place) => Promise<number>,
): Promise<ThroughputPair> {
  const first = await measure(hostFirst ? host : here);
  const second = await measure(hostFirst ? here : host);
  return hostFirst ? { host: first, here: second } : { host: second, here: first };
}

async function networkPair(
  setting: ThroughputSetting,
  direction: 'send' | 'receive',
): Promise<ThroughputPair> {
  const { address, host } = setting;
  if (address === null) throw new HullError('not-supported', 'the instance has no address');
  return inTurn(setting, (place) => network(host, place, place === host ? '127.0.0.1' : address, direction));
}

/** The host's end connects to the server, as clients of the application do. */
async function network(client: Place, server: Place, address: string, direction: string): Promise<number> {
  const port = Promise.withResolvers<number>();
  const serving = server.measure(['net-serve', '1'], (line) => port.resolve(numberOf(line, 'port')));
  serving.catch(port.reject);
  const line = await client.measure([
    'net',
    address,
    String(await port.promise),
    direction,
    NETWORK_MILLISECONDS,
  ]);
  await serving;
  return rateOf(line, 'bytes');
}

/** `{"bytes":N,"nanoseconds":M}` as a rate per second. */
export function rateOf(line: string, what: string): number {
  return (numberOf(line, what) * 1e9) / numberOf(line, 'nanoseconds');
}

/** A number above zero of a line of the measuring program. */
export function numberOf(line: string, name: string): number {
  const value = fieldsOf(line)[name];
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new HullError('bad-response', `the measuring program printed no ${name}: ${line.slice(0, 200)}`);
}

/** A line of the measuring program, which may have run inside something hostile. */
export function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Told below.
  }
  throw new HullError('bad-response', `the measuring program printed no JSON object: ${line.slice(0, 200)}`);
}
