import { at } from '../lib/timers.ts';
import { millisecondsOf, nanosecondsOf } from '../lib/timestamp.ts';
import { HullError } from '../model/errors.ts';
import type { EngineEvent, EventQuery, Events } from './api.ts';

/** Past events kept for `since`. */
const KEPT = 2048;
/** Events that may wait for one who listens slowly; the stream of one who does not read at all is broken off, so that it is seen. */
const WAITING = 32_768;

/** Says what happened, to everyone who listens. Publishing never waits. */
export class EventBus implements Events {
  readonly #past: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #now: () => bigint;
  #last = 0n;

  /** `now`: nanoseconds since the epoch. */
  constructor(now: () => bigint = () => nanosecondsOf(Date.now())) {
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
    const { since, until } = query;
    const queue = since === null ? [] : this.#past.filter((event) => event.timeNano >= since);
    let wake: () => void = () => undefined;
    let lost = false;
    const listener = (event: EngineEvent): void => {
      if (since !== null && event.timeNano < since) return;
      if (queue.length < WAITING) queue.push(event);
      else lost = true;
      wake();
    };
    // Listening begins in the same turn in which the past was copied: nothing falls in between.
    this.#listeners.add(listener);
    const onAbort = (): void => wake();
    signal?.addEventListener('abort', onAbort);
    using _end = until === null ? null : at(millisecondsOf(until), onAbort);
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          if (until !== null && event.timeNano > until) return;
          if (lost) throw tooSlow();
          yield event;
        }
        if (signal?.aborted === true || (until !== null && Date.now() >= millisecondsOf(until))) return;
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

function tooSlow(): HullError {
  return new HullError(
    'command-failed',
    `more than ${WAITING} events were waiting to be read; read faster, or filter them`,
  );
}
