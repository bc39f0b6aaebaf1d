import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { Rollback } from '../lib/rollback.ts';
import { HullError } from '../model/errors.ts';
import type { IpAddress, NetworkEndpoint } from '../model/instance.ts';
import type { NetworkLink } from '../model/bundle-network.ts';
import { bytesOf, formatIp, parseIp, type Address } from '../lib/ip.ts';
import type { Attachment, ConnectRequest, NetworkLease } from './network.ts';
import { defaultRoutes } from './routes.ts';
import { plugOf, type Reserved, type Segment, slotOf } from './segment.ts';
import type { HeldAddress, Sweeper } from './sweeper.ts';

export interface JoinerParts {
  readonly host: Host;
  readonly setup: NamespaceSetup;
  readonly sweeper: Sweeper;
  /** Where namespaces are pinned. */
  readonly folder: string;
  /** Throws for a network that is not there. */
  readonly segment: (networkId: string) => Segment;
  readonly linkName: (slot: string) => string;
}

/** Puts namespaces on networks and takes them off again, whatever their drivers are. */
export class Joiner {
  readonly #parts: JoinerParts;
  /** Being made: no lease speaks of them yet. */
  readonly #making = new Set<string>();

  constructor(parts: JoinerParts) {
    this.#parts = parts;
  }

  get held(): Iterable<string> {
    return this.#making;
  }

  /** A new namespace on all these networks, the first one's link being `eth0`. All or none. */
  async make(
    instanceId: string,
    connections: readonly ConnectRequest[],
    names: readonly string[],
  ): Promise<{ namespace: string; attachments: readonly Attachment[] }> {
    const { host, setup } = this.#parts;
    await this.#wishedFreed(connections);
    const namespace = this.#namespacePath(instanceId);
    await using undo = new Rollback();
    this.#making.add(namespace);
    undo.defer('know the namespace no more', () => void this.#making.delete(namespace));
    const attachments = this.#reserve(connections, names, undo);
    host.namespaces.createNet(namespace);
    undo.defer('remove the namespace', () => host.namespaces.removeNet(namespace));
    setup.configure(namespace, null);
    await this.#plug(namespace, attachments, undo);
    undo.commit();
    this.#making.delete(namespace);
    for (const { hostLink } of attachments) if (hostLink !== null) this.#making.delete(hostLink);
    return { namespace, attachments };
  }

  /** One more network for a namespace that is in use. The default routes are not moved: `route` does that. */
  async add(
    namespace: string,
    held: readonly Attachment[],
    connection: ConnectRequest,
    names: readonly string[],
  ): Promise<Attachment> {
    await this.#wishedFreed([connection]);
    await using undo = new Rollback();
    const free = freeLink(held.map(({ endpoint }) => endpoint.link));
    const [attachment] = this.#reserve([connection], names, undo, [free]);
    if (attachment === undefined) throw new HullError('internal', 'no attachment was reserved');
    await this.#plug(namespace, [attachment], undo, { routed: false });
    undo.commit();
    if (attachment.hostLink !== null) this.#making.delete(attachment.hostLink);
    return attachment;
  }

  /** Takes the link away at once, with its addresses and routes. */
  async drop(namespace: string, attachment: Attachment): Promise<void> {
    const { host, sweeper } = this.#parts;
    const { hostLink, endpoint } = attachment;
    if (hostLink === null) {
      await host.exec.run([
        ...host.namespaces.enterNet(namespace),
        'ip',
        'link',
        'delete',
        'dev',
        endpoint.link,
      ]);
      this.release(attachment);
    } else {
      await sweeper.destroy([
        { hostLinks: [hostLink], namespace: null, gone: () => this.release(attachment) },
      ]);
    }
  }

  /** Moves the default routes from where they were to where they belong. */
  async route(namespace: string, before: readonly Attachment[], after: readonly Attachment[]): Promise<void> {
    const lines = routeChanges(before, after);
    const { host } = this.#parts;
    if (lines.length > 0)
      await host.exec.must([...host.namespaces.enterNet(namespace), 'ip', '-force', '-batch', '-'], {
        input: lines.join(''),
      });
  }

  /** Gives links back to a namespace that has lost them. */
  async restore(lease: NetworkLease, lost: readonly Attachment[]): Promise<void> {
    if (lease.bundle.mode === 'host') return;
    const { namespace } = lease.bundle;
    await using undo = new Rollback();
    await this.#plug(namespace, lost, undo, { routed: true, among: lease.attachments });
    undo.commit();
  }

  /** Everything of a lease, within moments. */
  discard(namespace: string, attachments: readonly Attachment[]): void {
    this.#parts.sweeper.discard({
      hostLinks: attachments.flatMap(({ hostLink }) => (hostLink === null ? [] : [hostLink])),
      namespace,
      addresses: attachments.flatMap(({ endpoint }) => heldBy(endpoint)),
      gone: () => {
        for (const attachment of attachments) this.release(attachment);
      },
    });
  }

  /** The addresses are free again. Fine when the network is gone. */
  release({ endpoint }: Attachment): void {
    try {
      this.#parts.segment(endpoint.networkId).addresses.release(endpoint);
    } catch {
      // Removed with all its addresses.
    }
  }

  /** A new name each time: the run before may still wait for its removal. */
  #namespacePath(instanceId: string): string {
    return join(this.#parts.folder, `i-${instanceId.slice(0, 12)}-${randomBytes(4).toString('hex')}`);
  }

  /** An address that is asked for by name is still the one's who had it, even when he is gone for every client, until his links are removed. */
  async #wishedFreed(connections: readonly ConnectRequest[]): Promise<void> {
    const wishes = connections.flatMap(({ networkId, ipv4, ipv6 }) =>
      [parseIp(ipv4 ?? ''), parseIp(ipv6 ?? '')].flatMap((wish) =>
        wish === null ? [] : [{ networkId, address: formatIp(wish) }],
      ),
    );
    if (wishes.length === 0) return;
    await this.#parts.sweeper.freed((held) =>
      wishes.some((wish) => wish.networkId === held.networkId && wish.address === held.address),
    );
  }

  /** `links`: the interfaces' names; default: eth0, eth1, … */
  #reserve(
    connections: readonly ConnectRequest[],
    names: readonly string[],
    undo: Rollback,
    links: readonly string[] = connections.map((_, index) => `eth${index}`),
  ): Attachment[] {
    return connections.map((connection, index) => {
      const segment = this.#parts.segment(connection.networkId);
      const reserved = segment.addresses.reserve(connection);
      const attachment = this.#attachment(segment, connection, reserved, names, links[index] ?? 'eth0');
      undo.defer('release the addresses', () => this.release(attachment));
      return attachment;
    });
  }

  #attachment(
    segment: Segment,
    connection: ConnectRequest,
    { ipv4, ipv6, macAddress }: Reserved,
    names: readonly string[],
    link: string,
  ): Attachment {
    const { definition, addresses } = segment;
    const around = (address: Address): IpAddress => {
      const { prefixLength, gateway } = addresses.about(address);
      return { address: formatIp(address), prefixLength, gateway: definition.internal ? '' : gateway };
    };
    const [first = '', ...others] = names;
    const endpoint: NetworkEndpoint = {
      network: definition.name,
      networkId: definition.id,
      endpointId: randomBytes(32).toString('hex'),
      link,
      ...around(ipv4),
      ipv6: ipv6 === null ? null : around(ipv6),
      macAddress,
      aliases: connection.aliases,
      names: [...new Set([first, ...connection.aliases, ...others])],
    };
    return {
      endpoint,
      hostLink: segment.hasHostLinks ? this.#parts.linkName(slotOf(definition.id, endpoint.address)) : null,
      gatewayPriority: connection.gatewayPriority,
      publishes: segment.hasHostLinks && !definition.internal,
      links: connection.links,
      mtu: segment.mtu,
      resolver: segment.resolver,
    };
  }

  /** `routed`: with the default routes, which are those of `among`. */
  async #plug(
    namespace: string,
    attachments: readonly Attachment[],
    undo: Rollback,
    { routed, among }: { routed: boolean; among?: readonly Attachment[] } = { routed: true },
  ): Promise<void> {
    const { setup, segment, sweeper } = this.#parts;
    for (const attachment of attachments) {
      const { endpoint, hostLink } = attachment;
      if (hostLink !== null) this.#making.add(hostLink);
      undo.defer('remove the link', async () => {
        if (hostLink === null) return;
        await sweeper.destroy([{ hostLinks: [hostLink], namespace: null, gone: () => undefined }]);
        this.#making.delete(hostLink);
      });
      await segment(endpoint.networkId).plug([plugOf(namespace, attachment)]);
    }
    const links = linksOf(among ?? attachments);
    for (const { endpoint } of attachments) {
      const link = links.find(({ name }) => name === endpoint.link);
      const gateways = routed ? [link?.gateway ?? '', link?.ipv6?.gateway ?? ''] : [];
      setup.configure(namespace, {
        name: endpoint.link,
        addresses: [endpoint, ...(endpoint.ipv6 === null ? [] : [endpoint.ipv6])].map(
          ({ address, prefixLength }) => ({ address: bytes(address), prefixLength }),
        ),
        gateways: gateways.filter((gateway) => gateway !== '').map(bytes),
      });
    }
  }
}

function heldBy({ networkId, address, ipv6 }: NetworkEndpoint): HeldAddress[] {
  return [address, ...(ipv6 === null ? [] : [ipv6.address])].map((each) => ({ networkId, address: each }));
}

function bytes(text: string): Uint8Array {
  const address = parseIp(text);
  if (address === null) throw new HullError('internal', `${JSON.stringify(text)} is no address`);
  return bytesOf(address);
}

/** The links as runtimes see them: gateways only where the default routes are. Pure. */
export function linksOf(attachments: readonly Attachment[]): NetworkLink[] {
  const routes = defaultRoutes(attachments);
  return attachments.map((attachment): NetworkLink => {
    const { endpoint, mtu } = attachment;
    const { link, macAddress, address, prefixLength, gateway, ipv6 } = endpoint;
    return {
      name: link,
      macAddress,
      address,
      prefixLength,
      gateway: routes.ipv4 === attachment ? gateway : '',
      ipv6: ipv6 === null ? null : { ...ipv6, gateway: routes.ipv6 === attachment ? ipv6.gateway : '' },
      mtu,
    };
  });
}

/** Lines for `ip -batch` inside the namespace. A removed link has taken its routes with it. Pure. */
function routeChanges(before: readonly Attachment[], after: readonly Attachment[]): string[] {
  const [old, now] = [defaultRoutes(before), defaultRoutes(after)];
  const line = (was: Attachment | null, is: Attachment | null, gateway: (each: Attachment) => string) => {
    if (is === null || was?.endpoint.endpointId === is.endpoint.endpointId) return [];
    return [`route replace default via ${gateway(is)} dev ${is.endpoint.link}\n`];
  };
  return [
    ...line(old.ipv4, now.ipv4, ({ endpoint }) => endpoint.gateway),
    ...line(old.ipv6, now.ipv6, ({ endpoint }) => endpoint.ipv6?.gateway ?? ''),
  ];
}

/** The lowest `ethN` that is not in use. */
function freeLink(used: readonly string[]): string {
  for (let number = 0; ; number++) if (!used.includes(`eth${number}`)) return `eth${number}`;
}
