import { canonical } from '../../lib/ip.ts';

/** The names that one client may know. */
export interface NameView {
  /** Addresses of both families, in an order that changes from call to call; null for a name that nobody here has. */
  lookup(name: string): readonly string[] | null;
  /** The first name of an address; null for one that nobody has. */
  reverse(address: string): string | null;
  /** Does this address lie where the answer is known here, even if nobody has it? */
  covers(address: string): boolean;
  /** May names that nobody here has be asked for elsewhere? */
  readonly forwards: boolean;
  /** Who is asked instead of the host's resolvers; null: these. */
  readonly upstreams: readonly string[] | null;
}

interface Entry {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

/** Which names lead to which addresses on one network. Names are compared without regard to case; several instances may share a name. */
export class NameTable {
  readonly #instances = new Map<string, Entry>();
  readonly #holders = new Map<string, string[]>();
  readonly #byAddress = new Map<string, string>();

  /** `names`: the first one is the answer to a reverse query. Replaces what the instance had. */
  set(instanceId: string, names: readonly string[], ...addresses: readonly string[]): void {
    this.delete(instanceId);
    const known = [...new Set(names.map(normalize).filter((name) => name !== ''))];
    this.#instances.set(instanceId, { names: known, addresses });
    for (const name of known) this.#holders.set(name, [...(this.#holders.get(name) ?? []), instanceId]);
    for (const address of addresses) this.#byAddress.set(canonical(address), instanceId);
  }

  delete(instanceId: string): void {
    const entry = this.#instances.get(instanceId);
    if (entry === undefined) return;
    this.#instances.delete(instanceId);
    for (const address of entry.addresses) {
      if (this.#byAddress.get(canonical(address)) === instanceId) this.#byAddress.delete(canonical(address));
    }
    for (const name of entry.names) {
      const left = (this.#holders.get(name) ?? []).filter((holder) => holder !== instanceId);
      if (left.length > 0) this.#holders.set(name, left);
      else this.#holders.delete(name);
    }
  }

  /** Null for a name that no instance has. With several instances, any of them may come first: clients ask for A and AAAA in turn, so that no order by turns would be fair. */
  lookup(name: string): readonly string[] | null {
    const holders = this.#holders.get(normalize(name));
    if (holders === undefined) return null;
    const start = Math.floor(Math.random() * holders.length);
    const ordered = [...holders.slice(start), ...holders.slice(0, start)];
    return ordered.flatMap((holder) => this.#instances.get(holder)?.addresses ?? []);
  }

  reverse(address: string): string | null {
    const holder = this.#byAddress.get(canonical(address));
    return holder === undefined ? null : (this.#instances.get(holder)?.names[0] ?? null);
  }

  /** The instance with this address. */
  holderOf(address: string): string | null {
    return this.#byAddress.get(canonical(address)) ?? null;
  }
}

export function normalize(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
