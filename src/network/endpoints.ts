import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { Rollback } from '../lib/rollback.ts';
import type { AddressPool } from './address-pool.ts';
import { bytesOf, formatAddress, macOf, type Subnet } from './ipv4.ts';
import { INSTANCE_LINK, type Links, type VethPair } from './links.ts';

/** A namespace that is ready for an instance: link up, address and default route set. */
export interface Endpoint extends VethPair {
  readonly address: number;
}

/** What all endpoints of one bridge have in common. */
export interface EndpointSettings {
  readonly folder: string;
  readonly subnet: Subnet;
  readonly gateway: number;
  readonly mtu: number;
  /** Name of the host link of a slot. */
  readonly linkName: (slot: string) => string;
}

/** The event loop is given back after this many namespaces: each takes half a millisecond. */
const STRIDE = 4;
/** Removals within this many milliseconds go together. */
const SWEEP_DELAY = 100;

/** Makes and unmakes endpoints, many at a time. */
export class Endpoints {
  readonly #host: Host;
  readonly #setup: NamespaceSetup;
  readonly #links: Links;
  readonly #addresses: AddressPool;
  readonly #settings: EndpointSettings;
  /** Made by this object and not removed yet, whoever has them; and those of others that wait for removal. */
  readonly #held = new Map<string, Endpoint>();
  #doomed: Endpoint[] = [];
  #sweeping: Promise<void> | null = null;

  constructor(
    host: Host,
    setup: NamespaceSetup,
    links: Links,
    addresses: AddressPool,
    settings: EndpointSettings,
  ) {
    this.#host = host;
    this.#setup = setup;
    this.#links = links;
    this.#addresses = addresses;
    this.#settings = settings;
  }

  /** Namespaces by FFI, veth pairs by one `ip -batch`, addresses by netlink inside. All or none. */
  async create(count: number): Promise<Endpoint[]> {
    await using undo = new Rollback();
    const made: Endpoint[] = [];
    undo.defer('remove half-made namespaces', () => this.#destroy(made));
    for (let index = 0; index < count; index++) {
      const endpoint = this.#plan(this.#addresses.take());
      made.push(endpoint);
      this.#held.set(endpoint.hostLink, endpoint);
      this.#host.namespaces.createNet(endpoint.namespace);
      if (index % STRIDE === STRIDE - 1) await setImmediate();
    }
    await this.connect(made);
    undo.commit();
    return made;
  }

  /** Gives existing namespaces their link. */
  async connect(endpoints: readonly Endpoint[]): Promise<void> {
    if (endpoints.length === 0) return;
    const { subnet, gateway, mtu } = this.#settings;
    await this.#links.create(endpoints, mtu);
    for (const [index, { namespace, address }] of endpoints.entries()) {
      const setup = {
        name: INSTANCE_LINK,
        address: bytesOf(address),
        prefixLength: subnet.prefixLength,
        gateway: bytesOf(gateway),
      };
      this.#setup.configure(namespace, setup);
      if (index % STRIDE === STRIDE - 1) await setImmediate();
    }
  }

  /** Queues the removal and returns: it happens within moments, together with others. The address rests first when it is done. */
  discard(endpoints: readonly Endpoint[]): void {
    this.#doomed.push(...endpoints);
    for (const endpoint of endpoints) this.#held.set(endpoint.hostLink, endpoint);
    if (this.#doomed.length > 0) this.#sweeping ??= this.#sweepLater();
  }

  /** Being made, ready, handed out or waiting for removal: what exists on purpose. */
  get held(): Iterable<Endpoint> {
    return this.#held.values();
  }

  /** Resolves when nothing waits for removal any more. */
  async settled(): Promise<void> {
    while (this.#sweeping !== null) await this.#sweeping;
  }

  /** Everything about an endpoint follows from its address. */
  #plan(address: number): Endpoint {
    const slot = (address - this.#settings.subnet.base).toString(36);
    return {
      address,
      macAddress: macOf(address),
      namespace: join(this.#settings.folder, slot),
      hostLink: this.#settings.linkName(slot),
    };
  }

  async #sweepLater(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, SWEEP_DELAY));
    // What cannot be removed stays on the host, where the inventory finds and reports it.
    await this.#destroy(this.#doomed.splice(0)).catch(() => undefined);
    this.#sweeping = null;
    if (this.#doomed.length > 0) this.discard([]);
  }

  /** Links first: removing a namespace with its link inside takes the kernel ten times as long. */
  async #destroy(endpoints: readonly Endpoint[]): Promise<void> {
    const links = this.#links.remove(endpoints.map((endpoint) => endpoint.hostLink));
    const results = await Promise.allSettled([links]);
    const unpinned = endpoints.map((endpoint) => this.#host.namespaces.removeNet(endpoint.namespace));
    results.push(...(await Promise.allSettled(unpinned)));
    for (const { address, hostLink } of endpoints) {
      this.#held.delete(hostLink);
      if (!this.#links.exists(hostLink)) this.#addresses.release(address);
    }
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    const which = endpoints.map((endpoint) => formatAddress(endpoint.address)).join(', ');
    if (failures.length > 0) throw new AggregateError(failures, `cannot remove the namespaces of ${which}`);
  }
}
