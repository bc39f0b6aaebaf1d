import { createHash } from 'node:crypto';
import { HullError, toHullError } from '../model/errors.ts';
import type { NetworkEndpoint } from '../model/instance.ts';
import type { NetworkDefinition } from '../model/network.ts';
import { AddressPool } from './address-pool.ts';
import { type Address, type Family, holds, macOf, parseIp, type Prefix } from '../lib/ip.ts';
import { prefixOf } from './ipam.ts';
import type { Attachment, ConnectRequest } from './network.ts';

/** A link to be: its name inside, and what it is told from others by. */
export interface Plug {
  readonly namespace: string;
  readonly name: string;
  readonly hostLink: string;
  readonly macAddress: string;
  /** Of both families, as text. */
  readonly addresses: readonly string[];
}

/** What the name of an address' link is made of: nobody else's, and the same each time, so that its guard can be set ahead. */
export function slotOf(networkId: string, address: string): string {
  const digest = createHash('sha256').update(`${networkId} ${address}`).digest('hex');
  return `x${BigInt(`0x${digest.slice(0, 12)}`)
    .toString(36)
    .padStart(7, '0')
    .slice(-7)}`;
}

/** A plug for what an attachment says. */
export function plugOf(namespace: string, { endpoint, hostLink }: Attachment): Plug {
  const { link, macAddress, address, ipv6 } = endpoint;
  const addresses = [address, ...(ipv6 === null ? [] : [ipv6.address])];
  return { namespace, name: link, hostLink: hostLink ?? '', macAddress, addresses };
}

/** The addresses of one endpoint. */
export interface Reserved {
  readonly ipv4: Address;
  readonly ipv6: Address | null;
  readonly macAddress: string;
}

/** A network while the daemon runs: the one place that knows how its driver makes links. */
export interface Segment {
  readonly definition: NetworkDefinition;
  readonly addresses: SegmentAddresses;
  readonly mtu: number;
  /** Where the engine's DNS server answers instances of this network; null for nowhere. */
  readonly resolver: string | null;
  /** Do links have an end on the host? */
  readonly hasHostLinks: boolean;
  open(): Promise<void>;
  /** Closes sockets and leaves kernel objects alone. */
  close(): Promise<void>;
  /** Removes what `open` made on the host. */
  remove(): Promise<void>;
  /** Makes links inside namespaces, down and without addresses. All or none. */
  plug(plugs: readonly Plug[]): Promise<void>;
  /** Takes links over that are there already. */
  rejoin(plugs: readonly Plug[]): Promise<void>;
}

interface Source {
  readonly family: Family;
  readonly prefix: Prefix;
  readonly gateway: string;
  readonly chosen: boolean;
  readonly from: AddressPool;
}

/** Who has which address of a network. */
export class SegmentAddresses {
  readonly #definition: NetworkDefinition;
  readonly #sources: readonly Source[];

  constructor(definition: NetworkDefinition) {
    this.#definition = definition;
    this.#sources = definition.pools.map((pool): Source => {
      const prefix = prefixOf(pool.subnet);
      const reserved = [pool.gateway, ...Object.values(pool.auxiliary)].flatMap((text) => {
        const address = parseIp(text);
        return address === null ? [] : [address.value];
      });
      const range = pool.range === undefined ? {} : { range: prefixOf(pool.range) };
      const book = new AddressPool(prefix, { ...range, reserved });
      return { family: prefix.family, prefix, gateway: pool.gateway, chosen: pool.chosen, from: book };
    });
  }

  get prefixes(): readonly Prefix[] {
    return this.#sources.map((source) => source.prefix);
  }

  /** Who has which address of the first subnet of a family. Throws where there is none. */
  pool(family: Family): AddressPool {
    const source = this.#sources.find((each) => each.family === family);
    if (source === undefined)
      throw new HullError('internal', `the network ${this.#definition.name} has no IPv${family} subnet`);
    return source.from;
  }

  /** What is wished for, else the next free ones. Throws `network-forbidden`, `invalid-argument` in Docker's words, `address-in-use`. */
  reserve(wish: ConnectRequest): Reserved {
    const ipv4 = this.#one(4, wish.ipv4);
    if (ipv4 === null)
      throw new HullError('internal', `the network ${this.#definition.name} has no IPv4 subnet`);
    try {
      const ipv6 = this.#one(6, wish.ipv6);
      return { ipv4, ipv6, macAddress: wish.macAddress ?? macOf(ipv4) };
    } catch (error) {
      this.#release(ipv4);
      throw error;
    }
  }

  /** Takes over what a former daemon handed out. */
  adopt(endpoint: NetworkEndpoint): void {
    for (const address of addressesOf(endpoint)) this.#sourceOf(address)?.from.adopt(address);
  }

  /** Fine twice. */
  release(endpoint: Pick<NetworkEndpoint, 'address' | 'ipv6'>): void {
    for (const address of addressesOf(endpoint)) this.#release(address);
  }

  /** The surroundings of an address. */
  about(address: Address): { prefixLength: number; gateway: string } {
    const source = this.#sourceOf(address);
    return { prefixLength: source?.prefix.length ?? 32, gateway: source?.gateway ?? '' };
  }

  #one(family: Family, wish: string | undefined): Address | null {
    const sources = this.#sources.filter((source) => source.family === family);
    if (wish !== undefined && wish !== '') return this.#wished(family, wish);
    let full: HullError | null = null;
    for (const { from } of sources) {
      try {
        return from.take();
      } catch (error) {
        full = toHullError(error);
      }
    }
    if (full !== null) throw full;
    return null;
  }

  #wished(family: Family, wish: string): Address {
    const address = parseIp(wish);
    const source = address?.family === family ? this.#sourceOf(address) : undefined;
    if (address === null || source === undefined)
      throw new HullError(
        'invalid-argument',
        `no configured subnet or ip-range contain the IP address ${wish}`,
      );
    source.from.claim(address);
    return address;
  }

  #release(address: Address): void {
    this.#sourceOf(address)?.from.release(address);
  }

  #sourceOf(address: Address): Source | undefined {
    return this.#sources.find(({ prefix }) => holds(prefix, address));
  }
}

function addressesOf(endpoint: Pick<NetworkEndpoint, 'address' | 'ipv6'>): Address[] {
  return [parseIp(endpoint.address), parseIp(endpoint.ipv6?.address ?? '')].filter(
    (address) => address !== null,
  );
}
