import type { Host } from '../host/host.ts';
import { Retries } from '../lib/retries.ts';
import type { Links } from './links.ts';

/** An address of a network, as text. */
export interface HeldAddress {
  readonly networkId: string;
  readonly address: string;
}

/** What is left of an instance's network when it is over. */
export interface Doomed {
  readonly hostLinks: readonly string[];
  /** Null: only links go. */
  readonly namespace: string | null;
  /** What somebody may ask for by name before it is gone. */
  readonly addresses?: readonly HeldAddress[];
  /** Called for when its links are gone: its addresses may rest now. */
  readonly gone: () => void;
}

/** Removals within this many milliseconds go together. */
const SWEEP_DELAY = 100;

/** Removes links and namespaces, many at a time. */
export class Sweeper {
  readonly #host: Host;
  readonly #links: Links;
  #doomed: Doomed[] = [];
  readonly #waiting = new Set<Doomed>();
  #sweeping: Promise<void> | null = null;
  readonly #retries = new Retries(() => undefined);

  constructor(host: Host, links: Links) {
    this.#host = host;
    this.#links = links;
  }

  /** Queues the removal and returns: it happens within moments, together with others. */
  discard(...doomed: readonly Doomed[]): void {
    this.#doomed.push(...doomed);
    for (const each of doomed) this.#waiting.add(each);
    if (this.#doomed.length > 0) this.#sweeping ??= this.#sweepLater();
  }

  /** Names of what waits for removal. */
  get held(): string[] {
    return [...this.#waiting].flatMap(namesOf);
  }

  /** Resolves when nothing that holds such an address waits for removal any more. */
  async freed(isMeant: (held: HeldAddress) => boolean): Promise<void> {
    const holds = (doomed: Doomed): boolean => doomed.addresses?.some(isMeant) === true;
    while (this.#sweeping !== null && [...this.#waiting].some(holds)) await this.#sweeping;
  }

  /** Resolves when everything has been tried. */
  async settled(): Promise<void> {
    while (this.#sweeping !== null) await this.#sweeping;
  }

  /** As `settled`, and tries no more. */
  async close(): Promise<void> {
    await this.settled();
    this.#retries.close();
  }

  /** Links first: removing a namespace with its link inside takes the kernel ten times as long. */
  async destroy(doomed: readonly Doomed[]): Promise<void> {
    const links = this.#links.remove(doomed.flatMap(({ hostLinks }) => hostLinks));
    const results = await Promise.allSettled([links]);
    const namespaces = doomed.flatMap(({ namespace }) => (namespace === null ? [] : [namespace]));
    results.push(
      ...(await Promise.allSettled(namespaces.map((path) => this.#host.namespaces.removeNet(path)))),
    );
    for (const each of doomed) {
      if (!each.hostLinks.some((link) => this.#links.exists(link))) each.gone();
    }
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    const which = doomed.flatMap(namesOf).join(', ');
    if (failures.length > 0) throw new AggregateError(failures, `cannot remove ${which}`);
  }

  /** What could not be removed is retried, one by one, for as long as this daemon lives; the next one finds it in the inventory. */
  #again(batch: readonly Doomed[]): void {
    for (const each of batch)
      this.#retries.later(keyOf(each), async () => {
        await this.destroy([each]);
        this.#forget([each]);
      });
  }

  #forget(batch: readonly Doomed[]): void {
    for (const each of batch) this.#waiting.delete(each);
  }

  async #sweepLater(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, SWEEP_DELAY));
    const batch = this.#doomed.splice(0);
    await this.destroy(batch).then(
      () => this.#forget(batch),
      () => this.#again(batch),
    );
    this.#sweeping = null;
    if (this.#doomed.length > 0) this.discard();
  }
}

function keyOf(doomed: Doomed): string {
  return namesOf(doomed).join(' ');
}

function namesOf({ hostLinks, namespace }: Doomed): string[] {
  return [...hostLinks, ...(namespace === null ? [] : [namespace])];
}
