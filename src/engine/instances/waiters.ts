import { HullError } from '../../model/errors.ts';
import type { ExitStatus } from '../../model/instance.ts';

type Happening = 'exit' | 'removed';

interface Waiter {
  readonly happening: Happening;
  resolve(status: ExitStatus): void;
}

const NEVER_RAN: ExitStatus = { code: 0, oomKilled: false, finishedAt: 0 };

/** Those who wait for an instance to end or to be gone. */
export class Waiters {
  readonly #waiting = new Map<string, Set<Waiter>>();
  /** What a waiter for `removed` is told: the last exit. */
  readonly #lastExit = new Map<string, ExitStatus>();

  /** Resolves at the next `exited` or `removed` of the instance; rejects with the signal's reason. */
  wait(id: string, happening: Happening, signal?: AbortSignal): Promise<ExitStatus> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortReason(signal));
      const waiters = this.#waiting.get(id) ?? new Set();
      const leave = (): void => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(abortReason(signal));
      };
      const waiter: Waiter = {
        happening,
        resolve: (status) => {
          leave();
          resolve(status);
        },
      };
      this.#waiting.set(id, waiters.add(waiter));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  exited(id: string, status: ExitStatus): void {
    this.#lastExit.set(id, status);
    this.#tell(id, 'exit', status);
  }

  /** Removal ends every wait: an instance that is gone exits no more. */
  removed(id: string): void {
    const status = this.#lastExit.get(id) ?? NEVER_RAN;
    this.#tell(id, 'exit', status);
    this.#tell(id, 'removed', status);
    this.#waiting.delete(id);
    this.#lastExit.delete(id);
  }

  #tell(id: string, happening: Happening, status: ExitStatus): void {
    for (const waiter of this.#waiting.get(id) ?? [])
      if (waiter.happening === happening) waiter.resolve(status);
  }
}

function abortReason(signal: AbortSignal | undefined): Error {
  return new HullError('invalid-argument', 'the wait was cancelled', { cause: signal?.reason });
}
