import { at } from '../lib/timers.ts';
import { HullError } from '../model/errors.ts';
import type { EngineEvent, EventQuery, Events } from './api.ts';

/** Past events kept for `since`. */
const KEPT = 2048;
/** Events that may wait for one who listens slowly; the stream of one who does not read at all is broken off, so that it is seen. */
const WAITING = 32_768;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** Says what happened, to everyone who listens. Publishing never waits. */
export class EventBus implements Events {
  readonly #past: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #now: () => bigint;
  #last = 0n;

  /** `now`: nanoseconds since the epoch. */
  constructor(now: () => bigint = () => BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND) {
    this.#now = now;
  }

  /** How many follow now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  publish(
    type: EngineEvent['type'],
    action: string,
    id: string,
    attributes: Readonly<Record<string, string>> = {},
  ): void {
    // Strictly later than the one before: clients tell events apart by their time.
    const now = this.#now();
    this.#last = now > this.#last ? now : this.#last + 1n;
    const event: EngineEvent = { type, action, actor: { id, attributes }, timeNano: this.#last };
    this.#past.push(event);
    if (this.#past.length > KEPT) this.#past.shift();
    for (const listener of this.#listeners) listener(event);
  }

  async *subscribe(query: EventQuery, signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    const queue: EngineEvent[] =
      query.since === null ? [] : this.#past.filter((event) => milliseconds(event) >= (query.since ?? 0));
    let wake: () => void = () => undefined;
    let lost = false;
    const listener = (event: EngineEvent): void => {
      if (query.since !== null && milliseconds(event) < query.since) return;
      if (queue.length < WAITING) queue.push(event);
      else lost = true;
      wake();
    };
    // Listening begins in the same turn in which the past was copied: nothing falls in between.
    this.#listeners.add(listener);
    const onAbort = (): void => wake();
    signal?.addEventListener('abort', onAbort);
    using _end = query.until === null ? null : at(query.until, onAbort);
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          if (query.until !== null && milliseconds(event) > query.until) return;
          if (lost) throw tooSlow();
          yield event;
        }
        if (signal?.aborted === true || (query.until !== null && Date.now() >= query.until)) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || signal?.aborted === true) resolve();
        });
      }
    } finally {
      this.#listeners.delete(listener);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

function milliseconds(event: EngineEvent): number {
  return Number(event.timeNano / NANOSECONDS_PER_MILLISECOND);
}

function tooSlow(): HullError {
  return new HullError(
    'command-failed',
    `more than ${WAITING} events were waiting to be read; read faster, or filter them`,
  );
}
