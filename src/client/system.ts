import type { DiskUsageResponse, EventMessage, SystemInfo, VersionInfo } from '../../api/docker.ts';
import type { Caller } from './caller.ts';
import { lines, parseJson } from './json-lines.ts';

/** An event with its time exact: `timeNano` does not fit a JavaScript number. */
export interface TimedEvent {
  readonly event: EventMessage;
  readonly timeNano: bigint;
}

/** Answers of POST /…/prune. */
interface Pruned {
  readonly containers: { ContainersDeleted: readonly string[] | null; SpaceReclaimed: number };
  readonly networks: { NetworksDeleted: readonly string[] | null };
}

/** `/info`, `/version`, `/events`, `/_ping` of the Docker Engine API. */
export class System {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  info(): Promise<SystemInfo> {
    return this.#caller.json('GET', '/info');
  }

  version(): Promise<VersionInfo> {
    return this.#caller.json('GET', '/version');
  }

  diskUsage(): Promise<DiskUsageResponse> {
    return this.#caller.json('GET', '/system/df');
  }

  /** Removes what nothing uses. */
  prune<K extends keyof Pruned>(what: K, query: { filters?: string | undefined }): Promise<Pruned[K]> {
    return this.#caller.json('POST', `/${what}/prune`, { query });
  }

  async ping(): Promise<void> {
    await this.#caller.done('GET', '/_ping');
  }

  async *events(
    query: { since?: string | undefined; until?: string | undefined; filters?: string | undefined },
    signal?: AbortSignal,
  ): AsyncGenerator<TimedEvent, void> {
    const response = await this.#caller.call('GET', '/events', {
      query,
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const line of lines(response.body)) {
      const event = parseJson<EventMessage>(line);
      const digits = /"timeNano":\s*(\d{1,19})/.exec(line)?.[1];
      yield { event, timeNano: digits === undefined ? BigInt(event.time) * 1_000_000_000n : BigInt(digits) };
    }
  }
}
