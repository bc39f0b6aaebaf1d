import { HullError, toHullError } from '../model/errors.ts';
import type { NetworkEndpoint } from '../model/instance.ts';
import type { NetworkDefinition } from '../model/network.ts';
import { AddressBook } from './address-book.ts';
import { type Address, bytesOf, type Family, formatIp, parseIp, type Prefix } from '../lib/ip.ts';
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

/** Hands addresses out for something other than an `AddressBook`. */
export interface AddressSource {
  take(): Address;
  claim(address: Address): void;
  release(address: Address): void;
}

interface Source {
  readonly family: Family;
  readonly prefix: Prefix;
  readonly gateway: string;
  readonly chosen: boolean;
  readonly from: AddressSource;
}

/** Who has which address of a network. */
export class SegmentAddresses {
  readonly #definition: NetworkDefinition;
  readonly #sources: readonly Source[];

  /** `ipv4`: hands out the first pool's addresses instead of an address book. */
  constructor(definition: NetworkDefinition, ipv4?: AddressSource) {
    this.#definition = definition;
    this.#sources = definition.pools.map((pool, index): Source => {
      const prefix = prefixOf(pool.subnet);
      const reserved = [pool.gateway, ...Object.values(pool.auxiliary)].flatMap((text) => {
        const address = parseIp(text);
        return address === null ? [] : [address.value];
      });
      const range = pool.range === undefined ? {} : { range: prefixOf(pool.range) };
      const book = index === 0 && ipv4 !== undefined ? ipv4 : new AddressBook(prefix, { ...range, reserved });
      return { family: prefix.family, prefix, gateway: pool.gateway, chosen: pool.chosen, from: book };
    });
  }

  get prefixes(): readonly Prefix[] {
    return this.#sources.map((source) => source.prefix);
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

  claim(endpoint: NetworkEndpoint): void {
    for (const address of addressesOf(endpoint)) this.#sourceOf(address)?.from.claim(address);
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
    return this.#sources.find(
      ({ family, prefix }) =>
        family === address.family &&
        address.value >= prefix.base &&
        address.value < prefix.base + (1n << BigInt((family === 4 ? 32 : 128) - prefix.length)),
    );
  }
}

function addressesOf(endpoint: Pick<NetworkEndpoint, 'address' | 'ipv6'>): Address[] {
  return [parseIp(endpoint.address), parseIp(endpoint.ipv6?.address ?? '')].filter(
    (address) => address !== null,
  );
}

/** The hardware address that goes with an IPv4 address, so that a reused address never meets a stale neighbour entry (as Docker does). */
export function macOf(address: Address): string {
  return ['02', '42', ...Array.from(bytesOf(address), (byte) => byte.toString(16).padStart(2, '0'))].join(
    ':',
  );
}

/** An address as the kernel takes it: `172.20.0.1/16`. */
export function withLength(address: Address, length: number): string {
  return `${formatIp(address)}/${length}`;
}
