import { holds, parseIp, type Prefix } from '../../lib/ip.ts';
import { NameTable, normalize, type NameView } from './names.ts';

/** One network, as far as names are concerned. */
export interface NetworkNames {
  readonly table: NameTable;
  readonly prefixes: readonly Prefix[];
  /** Its instances ask nobody outside. */
  readonly internal: boolean;
}

interface Membership {
  readonly networks: readonly string[];
  /** Names that lead elsewhere for this instance alone. */
  readonly links: ReadonlyMap<string, string>;
  readonly upstreams: readonly string[] | null;
}

/** Who knows which names: an instance knows those of the networks that it is on, and its own links; nobody else's. */
export class NameScopes {
  readonly #networks = new Map<string, NetworkNames>();
  readonly #members = new Map<string, Membership>();

  add(networkId: string, network: NetworkNames): void {
    this.#networks.set(networkId, network);
  }

  remove(networkId: string): void {
    this.#networks.delete(networkId);
  }

  table(networkId: string): NameTable | null {
    return this.#networks.get(networkId)?.table ?? null;
  }

  /** `links`: `instance:alias`. */
  join(
    instanceId: string,
    networks: readonly string[],
    links: readonly string[],
    upstreams: readonly string[] | null = null,
  ): void {
    const pairs = links.map((link): [string, string] => {
      const colon = link.indexOf(':');
      return colon < 0 ? [normalize(link), link] : [normalize(link.slice(colon + 1)), link.slice(0, colon)];
    });
    this.#members.set(instanceId, { networks, links: new Map(pairs), upstreams });
  }

  leave(instanceId: string): void {
    const member = this.#members.get(instanceId);
    for (const network of member?.networks ?? []) this.table(network)?.delete(instanceId);
    this.#members.delete(instanceId);
  }

  /** What a client knows that asks from an address of a network. */
  view(networkId: string, client: string): NameView {
    const own = this.#networks.get(networkId);
    const holder = own?.table.holderOf(client) ?? null;
    const member = holder === null ? undefined : this.#members.get(holder);
    const networks = (member?.networks ?? [networkId]).flatMap((id) => {
      const network = this.#networks.get(id);
      return network === undefined ? [] : [network];
    });
    return new View(networks, member?.links ?? new Map<string, string>(), member?.upstreams ?? null);
  }
}

class View implements NameView {
  readonly #networks: readonly NetworkNames[];
  readonly #links: ReadonlyMap<string, string>;

  readonly upstreams: readonly string[] | null;

  constructor(
    networks: readonly NetworkNames[],
    links: ReadonlyMap<string, string>,
    upstreams: readonly string[] | null,
  ) {
    this.#networks = networks;
    this.#links = links;
    this.upstreams = upstreams;
  }

  get forwards(): boolean {
    return this.#networks.some((network) => !network.internal);
  }

  lookup(name: string): readonly string[] | null {
    const wanted = this.#links.get(normalize(name)) ?? name;
    for (const { table } of this.#networks) {
      const found = table.lookup(wanted);
      if (found !== null) return found;
    }
    return null;
  }

  reverse(address: string): string | null {
    for (const { table } of this.#networks) {
      const name = table.reverse(address);
      if (name !== null) return name;
    }
    return null;
  }

  covers(address: string): boolean {
    const parsed = parseIp(address);
    return (
      parsed !== null &&
      this.#networks.some(({ prefixes }) => prefixes.some((prefix) => holds(prefix, parsed)))
    );
  }
}
