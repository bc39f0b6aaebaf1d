import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { type Address, addressAt, bytesOf, formatIp, macOf, type Prefix } from '../lib/ip.ts';
import { Rollback } from '../lib/rollback.ts';
import type { AddressPool } from './address-pool.ts';
import { INSTANCE_LINK, type Links, type VethPair } from './links.ts';
import type { Doomed, Sweeper } from './sweeper.ts';

/** A namespace that is ready for an instance: link up, address and default route set. */
export interface Endpoint extends VethPair {
  readonly address: Address;
}

/** What all endpoints of the default bridge have in common. */
export interface EndpointSettings {
  readonly folder: string;
  readonly bridge: string;
  /** Its first address is the bridge's. */
  readonly subnet: Prefix;
  readonly mtu: number;
  /** Name of the host link of a slot. */
  readonly linkName: (slot: string) => string;
}

/** The guard of this many links to come is set with one of the present. */
const AHEAD = 256;
/** The event loop is given back after this many namespaces: each takes half a millisecond. */
const STRIDE = 4;

/** Makes and unmakes endpoints, many at a time. */
export class Endpoints {
  readonly #host: Host;
  readonly #setup: NamespaceSetup;
  readonly #links: Links;
  readonly #addresses: AddressPool;
  readonly #sweeper: Sweeper;
  readonly #settings: EndpointSettings;
  /** Made by this object and not handed to the sweeper yet, whoever has them. */
  readonly #held = new Map<string, Endpoint>();
  #made = Date.now();

  constructor(
    parts: {
      host: Host;
      setup: NamespaceSetup;
      links: Links;
      addresses: AddressPool;
      sweeper: Sweeper;
    },
    settings: EndpointSettings,
  ) {
    this.#host = parts.host;
    this.#setup = parts.setup;
    this.#links = parts.links;
    this.#addresses = parts.addresses;
    this.#sweeper = parts.sweeper;
    this.#settings = settings;
  }

  /** Namespaces by FFI, veth pairs by one `ip -batch`, addresses by netlink inside. All or none. */
  async create(count: number): Promise<Endpoint[]> {
    await using undo = new Rollback();
    const made: Endpoint[] = [];
    undo.defer('remove half-made namespaces', async () => {
      this.#forget(made);
      const doomed = made.map((endpoint) => this.#doomed(endpoint));
      await this.#sweeper.destroy(doomed).catch(() => this.#sweeper.discard(...doomed));
    });
    for (let index = 0; index < count; index++) {
      const endpoint = this.#plan(this.#addresses.take());
      made.push(endpoint);
      this.#held.set(endpoint.hostLink, endpoint);
      this.#host.namespaces.createNet(endpoint.namespace);
      if (index % STRIDE === STRIDE - 1) await setImmediate();
    }
    await this.#connect(made);
    undo.commit();
    return made;
  }

  /** Queues the removal. The address rests first when it is done. */
  discard(endpoints: readonly Endpoint[]): void {
    this.#forget(endpoints);
    this.#sweeper.discard(...endpoints.map((endpoint) => this.#doomed(endpoint)));
  }

  /** It is an instance's now: whoever knows the lease answers for it. */
  handOver(endpoint: Endpoint): void {
    this.#forget([endpoint]);
  }

  /** Names of what is being made, ready or not handed over yet. */
  get held(): string[] {
    return [...this.#held.values()].flatMap((each) => [each.namespace, each.hostLink]);
  }

  async #connect(endpoints: readonly Endpoint[]): Promise<void> {
    if (endpoints.length === 0) return;
    const { subnet, mtu, bridge } = this.#settings;
    const ahead = () => this.#addresses.upcoming(AHEAD).map((address) => this.#pair(address));
    await this.#links.create(endpoints, { bridge, mtu }, ahead);
    for (const [index, { namespace, address }] of endpoints.entries()) {
      const setup = {
        name: INSTANCE_LINK,
        addresses: [{ address: bytesOf(address), prefixLength: subnet.length }],
        gateways: [bytesOf(addressAt(subnet, 1))],
      };
      this.#setup.configure(namespace, setup);
      if (index % STRIDE === STRIDE - 1) await setImmediate();
    }
  }

  #forget(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#held.delete(endpoint.hostLink);
  }

  #doomed({ address, hostLink, namespace }: Endpoint): Doomed {
    return { hostLinks: [hostLink], namespace, gone: () => this.#addresses.release(address) };
  }

  /** The link's name follows from the address. The namespace's does not: it may live on when its link is taken off the network. */
  #plan(address: Address): Endpoint {
    this.#made += 1;
    const namespace = join(this.#settings.folder, `${this.#slot(address)}-${this.#made.toString(36)}`);
    return { address, namespace, ...this.#pair(address) };
  }

  #pair(address: Address): Omit<VethPair, 'namespace'> {
    const hostLink = this.#settings.linkName(this.#slot(address));
    return { hostLink, macAddress: macOf(address), addresses: [formatIp(address)] };
  }

  #slot(address: Address): string {
    return (address.value - this.#settings.subnet.base).toString(36);
  }
}
