import { setTimeout as sleep } from 'node:timers/promises';

/** Several at once, so that a probe that waits for an answer which never comes (UDP) does not hide the moment of readiness. */
const MOST_AT_ONCE = 16;
/** Milliseconds between two beginnings. They grow with the time that has passed: a start is known to about an eighth of its length. */
const FIRST_PAUSE = 15;
const LONGEST_PAUSE = 250;
const GROWTH = 1.15;

export interface ProbeAttempt {
  readonly code: number;
  readonly output: string;
}

export interface ProbeLoop {
  /** One attempt; ended early by `signal`. */
  readonly attempt: (signal: AbortSignal) => Promise<ProbeAttempt>;
  /** Milliseconds. */
  readonly deadline: number;
  /** Why there is nothing to wait for any more, e.g. that the workload has ended. */
  readonly ended: () => string | null;
  readonly signal?: AbortSignal;
}

export type ProbeOutcome =
  | { readonly ready: true; readonly milliseconds: number; readonly attempts: number }
  | { readonly ready: false; readonly why: string; readonly output: string };

/** Begins attempts at growing intervals until one succeeds. Rejects only when `signal` aborts. No attempt goes on afterwards. */
export async function untilReady(loop: ProbeLoop): Promise<ProbeOutcome> {
  const began = performance.now();
  const stop = new AbortController();
  const flying = new Set<Promise<void>>();
  const success = Promise.withResolvers<number>();
  let succeeded = false;
  let attempts = 0;
  let output = '';
  const fly = async (): Promise<void> => {
    const result = await loop.attempt(stop.signal);
    if (result.code !== 0) {
      if (!stop.signal.aborted)
        output = result.output || `it printed nothing and ended with status ${result.code}`;
    } else if (!succeeded) {
      succeeded = true;
      success.resolve(performance.now() - began);
    }
  };
  const launch = (): void => {
    attempts += 1;
    const flight = fly().finally(() => flying.delete(flight));
    flying.add(flight);
  };
  try {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * GROWTH, LONGEST_PAUSE)) {
      loop.signal?.throwIfAborted();
      const ended = loop.ended();
      if (ended !== null) return { ready: false, why: ended, output };
      if (performance.now() - began > loop.deadline) {
        const seconds = Math.round(loop.deadline / 1000);
        const why = `the probe did not succeed within ${seconds} seconds (${attempts} attempts)`;
        return { ready: false, why, output };
      }
      if (flying.size < MOST_AT_ONCE) launch();
      const milliseconds = await Promise.race([success.promise, sleep(pause, null)]);
      if (milliseconds !== null) return { ready: true, milliseconds, attempts };
    }
  } finally {
    stop.abort();
    await Promise.allSettled(flying);
  }
}
