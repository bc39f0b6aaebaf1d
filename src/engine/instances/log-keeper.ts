import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { LogRotator, readLog } from '../../runtime/log-file.ts';
import type { LogBatch, LogQuery } from '../api.ts';
import { logPathOf } from './bundle.ts';
import { logBounds } from './settle-options.ts';
import type { Waiters } from './waiters.ts';

/** Logs of instances: reading them, and keeping them bounded while they run. */
export class LogKeeper {
  readonly #identity: EngineIdentity;
  readonly #waiters: Waiters;
  readonly #rotator = new LogRotator();

  constructor(identity: EngineIdentity, waiters: Waiters) {
    this.#identity = identity;
    this.#waiters = waiters;
  }

  /** From the start of a run: keeps what the monitor rotates away. */
  watch({ id, options }: Pick<InstanceConfig, 'id' | 'options'>): void {
    if (options.log?.driver === 'none') return;
    const files = options.log === undefined ? undefined : logBounds(options.log).files;
    this.#rotator.watch(logPathOf(this.#identity, id), files);
  }

  forget(id: string): void {
    this.#rotator.forget(logPathOf(this.#identity, id));
  }

  /** `runs`: following goes on until the run is over; without a run there is nothing to follow. */
  async *read(id: string, query: LogQuery, runs: boolean, signal?: AbortSignal): AsyncGenerator<LogBatch> {
    const over = new AbortController();
    const finish = (): void => over.abort();
    signal?.addEventListener('abort', finish, { once: true });
    if (!runs) finish();
    else if (query.follow) void this.#waiters.wait(id, 'exit', over.signal).then(finish, finish);
    try {
      yield* readLog(logPathOf(this.#identity, id), query, over.signal);
    } finally {
      signal?.removeEventListener('abort', finish);
      finish();
    }
  }

  stop(): void {
    this.#rotator.close();
  }
}
