import { messageOf } from '../model/errors.ts';
import { elementsOf, elementsText, type GuardedPort, guardText } from './guard-text.ts';

/** Ports that are gone are forgotten with the next change, or when there are this many. */
const MOST_GONE = 256;

interface Table {
  readonly name: string;
  /** What the names of all the engine's ports begin with. */
  readonly prefix: string;
  /** Changes of many callers go together in one run of nft. */
  readonly change: (text: () => string) => Promise<void>;
}

/** Sees to it that an instance sends from its own addresses alone, and nothing that configures others. Knows every port of the engine's bridges. */
export class PortGuard {
  readonly #table: Table;
  readonly #ports = new Map<string, GuardedPort>();
  /** Ports whose elements are still in the table, though they are gone. */
  readonly #gone = new Map<string, GuardedPort>();
  /** The link-local addresses of bridges, by bridge. */
  readonly #bridges = new Map<string, string>();
  #state: 'before' | 'on' | 'impossible' = 'before';
  #reason = '';

  constructor(table: Table) {
    this.#table = table;
  }

  /** Why there is no such protection; null where there is. */
  get missing(): string | null {
    return this.#state === 'impossible' ? this.#reason : null;
  }

  /** Writes the table anew, with the ports that are known. A kernel without it is no reason not to start: `missing` says so. */
  async install(): Promise<void> {
    const { name, prefix, change } = this.#table;
    try {
      await change(() => {
        this.#gone.clear();
        return guardText(name, prefix, elementsOf([...this.#ports.values()], [...this.#bridges.values()]));
      });
      this.#state = 'on';
    } catch (error) {
      this.#state = 'impossible';
      this.#reason = messageOf(error);
    }
  }

  /** The bridge's own link-local address, which no instance may have. */
  async reserve(bridge: string, address: string): Promise<void> {
    this.#bridges.set(bridge, address);
    if (this.#state === 'on') await this.#change(() => this.#textOf([], [address]));
  }

  /**
   * Opens ports for what is theirs. `ahead`: ports to come, which are opened too where anything is to be done: a run of nft for each port would cost
   * more than the port. A port that is known already costs nothing.
   */
  async admit(ports: readonly GuardedPort[], ahead: () => readonly GuardedPort[] = () => []): Promise<void> {
    if (ports.every((port) => this.#isKnown(port))) return;
    const all = [...new Map([...ports, ...ahead()].map((port) => [port.hostLink, port])).values()];
    const fresh = all.filter((port) => !this.#isKnown(port));
    this.know(fresh);
    if (this.#state === 'on') await this.#change(() => this.#textOf(fresh, []));
  }

  /** For the next `install`. */
  know(ports: readonly GuardedPort[]): void {
    for (const port of ports) {
      const former = this.#ports.get(port.hostLink);
      if (former !== undefined && !same(former, port)) this.#forget(former);
      this.#ports.set(port.hostLink, port);
    }
  }

  /** The links are gone. */
  forget(links: readonly string[]): void {
    for (const link of links) {
      const port = this.#ports.get(link);
      if (port === undefined) continue;
      this.#ports.delete(link);
      this.#forget(port);
    }
    if (this.#state === 'on' && this.#gone.size >= MOST_GONE)
      this.#change(() => this.#textOf([], [])).catch(() => undefined);
  }

  #isKnown(port: GuardedPort): boolean {
    return same(this.#ports.get(port.hostLink), port);
  }

  #forget(port: GuardedPort): void {
    this.#gone.set(JSON.stringify(port), port);
  }

  #change(text: () => string): Promise<void> {
    return this.#table.change(text);
  }

  /** What is gone, then what is new: an address may have changed hands. An element that is not there is added before it is deleted. */
  #textOf(ports: readonly GuardedPort[], known: readonly string[]): string {
    const { name } = this.#table;
    const gone = elementsOf([...this.#gone.values()], []);
    this.#gone.clear();
    const kept =
      gone.known.length === 0 ? null : elementsOf([...this.#ports.values()], [...this.#bridges.values()]);
    // A link-local address may be that of several ports on different bridges.
    const stale = {
      ...gone,
      known: gone.known.filter((address) => kept?.known.includes(address) === false),
      known_target: gone.known_target.filter((address) => kept?.known_target.includes(address) === false),
    };
    return (
      elementsText('add', name, stale) +
      elementsText('delete', name, stale) +
      elementsText('add', name, elementsOf(ports, known))
    );
  }
}

function same(one: GuardedPort | undefined, other: GuardedPort): boolean {
  return (
    one !== undefined &&
    one.macAddress === other.macAddress &&
    one.open === other.open &&
    one.addresses.join(' ') === other.addresses.join(' ')
  );
}
