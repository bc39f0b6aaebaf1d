import { randomBytes } from 'node:crypto';
import { formatIp } from '../lib/ip.ts';
import { Rollback } from '../lib/rollback.ts';
import { HullError } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { BRIDGE_OPTIONS } from '../model/network.ts';
import { type ActiveNetwork, NETWORK_NAME } from './active-network.ts';
import { linksOf } from './joiner.ts';
import { namespaceOf, publishedThrough } from './lease.ts';
import { INSTANCE_LINK } from './links.ts';
import type { Attachment, AttachRequest, ConnectRequest, KnownLease, NetworkLease } from './network.ts';
import { expandBindings } from './port-bindings.ts';

/** Gives instances their place on the networks: the lease with namespace, addresses, names and ports, all or none. */
export class Attacher {
  readonly active: ActiveNetwork;

  constructor(active: ActiveNetwork) {
    this.active = active;
  }

  async attach(request: AttachRequest): Promise<NetworkLease> {
    const { active } = this;
    const { instanceId, names, mode } = request;
    if (active.leases.has(instanceId)) {
      throw new HullError('wrong-state', `the instance ${instanceId.slice(0, 12)} is connected already`);
    }
    if (mode === 'bridge') return this.#attachNetworks(request);
    const lease = mode === 'container' ? joinedLease(request) : await this.#attachAlone(mode);
    active.know(instanceId, { lease, names });
    return lease;
  }

  async connect(
    instanceId: string,
    connection: ConnectRequest,
    ports: readonly PortBinding[],
  ): Promise<NetworkLease> {
    const { active } = this;
    const known = this.#known(instanceId);
    const { lease, names: own } = known;
    const namespace = namespaceOf(lease);
    if (namespace === null) throw new HullError('internal', 'an instance without a namespace was connected');
    await using undo = new Rollback();
    const attachment = await active.joiner.add(namespace, lease.attachments, connection, own);
    undo.defer('take it off again', () => active.joiner.drop(namespace, attachment));
    const attachments = [...lease.attachments, attachment];
    await active.joiner.route(namespace, lease.attachments, attachments);
    undo.defer('move the routes back', () => active.joiner.route(namespace, attachments, lease.attachments));
    const reserved =
      lease.ports.length > 0 ? lease.ports : await this.#reserve(instanceId, attachments, ports);
    const after = leaseOf(namespace, attachments, reserved);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    undo.commit();
    return after;
  }

  async disconnect(instanceId: string, networkIdentity: string): Promise<NetworkLease> {
    const { active } = this;
    const known = this.#known(instanceId);
    const { lease } = known;
    const namespace = namespaceOf(lease);
    const gone = lease.attachments.find(({ endpoint }) => endpoint.networkId === networkIdentity);
    if (namespace === null || gone === undefined) return lease;
    const attachments = lease.attachments.filter((attachment) => attachment !== gone);
    const after = leaseOf(namespace, attachments, publishedThrough(attachments) === null ? [] : lease.ports);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    if (after.ports.length === 0) await active.ports.release(instanceId);
    await active.joiner.drop(namespace, gone);
    await active.joiner.route(namespace, lease.attachments, attachments);
    return after;
  }

  rename(instanceId: string, own: readonly string[]): NetworkLease | null {
    const { active } = this;
    const known = active.leases.get(instanceId);
    if (known === undefined) return null;
    const lease = { ...known.lease, attachments: renamed(known.lease.attachments, own) };
    active.know(instanceId, { ...known, lease, names: own });
    return lease;
  }

  async republish(instanceId: string, ports: readonly PortBinding[]): Promise<NetworkLease> {
    const { active } = this;
    const known = this.#known(instanceId);
    const { lease } = known;
    const namespace = namespaceOf(lease);
    if (lease.mode !== 'bridge' || namespace === null) return lease;
    await active.ports.release(instanceId);
    const reserved = await this.#reserve(instanceId, lease.attachments, ports).catch(
      async (error: unknown) => {
        await active.ports.reserve(instanceId, lease.ports);
        throw error;
      },
    );
    const after = leaseOf(namespace, lease.attachments, reserved);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    return after;
  }

  #known(instanceId: string): KnownLease {
    const known = this.active.leases.get(instanceId);
    if (known === undefined)
      throw new HullError('wrong-state', `the instance ${instanceId.slice(0, 12)} has no network now`);
    return known;
  }

  async #attachNetworks(request: AttachRequest): Promise<NetworkLease> {
    const { active } = this;
    const { instanceId, ports, names: own, connections, upstreams } = request;
    await using undo = new Rollback();
    const { namespace, attachments } =
      connections === undefined || isPlain(connections, active.options.definition.id)
        ? await this.#fromPool(connections?.[0], own)
        : await active.joiner.make(instanceId, connections, own);
    undo.defer('remove the namespace', () => active.joiner.discard(namespace, attachments));
    const reserved = await this.#reserve(instanceId, attachments, ports);
    undo.defer('release the ports', () => active.ports.release(instanceId));
    const lease = leaseOf(namespace, attachments, reserved);
    active.know(instanceId, { lease, names: own, ...(upstreams === undefined ? {} : { upstreams }) });
    undo.defer('forget the lease', () => void active.forget(instanceId));
    if (reserved.length > 0) await active.publish(instanceId, lease);
    undo.commit();
    return lease;
  }

  /** What the host's ports become, now that it is known where they lead. */
  #reserve(
    instanceId: string,
    attachments: readonly Attachment[],
    ports: readonly PortBinding[],
  ): Promise<readonly PortBinding[]> {
    const through = publishedThrough(attachments);
    if (through === null || ports.length === 0) return Promise.resolve([]);
    const { active } = this;
    const { options } = active.segment(through.endpoint.networkId).definition;
    const address = options[BRIDGE_OPTIONS.hostAddress] ?? '';
    const bindings = expandBindings(ports, { ipv6: through.endpoint.ipv6 !== null, address });
    return active.ports.reserve(instanceId, bindings);
  }

  async #fromPool(
    connection: ConnectRequest | undefined,
    own: readonly string[],
  ): Promise<{ namespace: string; attachments: readonly Attachment[] }> {
    const { active } = this;
    const { definition, mtu } = active.options;
    const gateway = active.segment(definition.id).resolver ?? '';
    const taken = await active.pool.take();
    active.endpoints.handOver(taken);
    const [first = '', ...others] = own;
    const aliases = connection?.aliases ?? [];
    const attachment: Attachment = {
      endpoint: {
        network: NETWORK_NAME,
        networkId: definition.id,
        endpointId: randomBytes(32).toString('hex'),
        link: INSTANCE_LINK,
        address: formatIp(taken.address),
        prefixLength: active.subnet.length,
        gateway: gateway,
        ipv6: null,
        macAddress: taken.macAddress,
        aliases,
        names: [...new Set([first, ...aliases, ...others])],
      },
      hostLink: taken.hostLink,
      gatewayPriority: connection?.gatewayPriority ?? 0,
      publishes: true,
      links: connection?.links ?? [],
      mtu,
      resolver: gateway,
    };
    return { namespace: taken.namespace, attachments: [attachment] };
  }

  async #attachAlone(mode: 'host' | 'none'): Promise<NetworkLease> {
    const alone = { mode, attachments: [], ports: [] };
    if (mode === 'host') return { ...alone, bundle: { mode } };
    const { active } = this;
    const namespace = await active.isolatedPool.take();
    active.isolated.handOver(namespace);
    return { ...alone, bundle: { mode, namespace, links: [] } };
  }
}

function leaseOf(
  namespace: string,
  attachments: readonly Attachment[],
  ports: readonly PortBinding[],
): NetworkLease {
  return {
    mode: 'bridge',
    bundle: { mode: 'bridge', namespace, links: linksOf(attachments) },
    attachments,
    ports,
  };
}

/** The namespace is another instance's, with all that goes with it. */
function joinedLease({ joined }: AttachRequest): NetworkLease {
  if (joined === undefined) throw new HullError('internal', 'no instance was named whose network to join');
  const { bundle } = joined;
  return {
    mode: 'container',
    bundle: bundle.mode === 'host' ? bundle : { mode: 'container', namespace: bundle.namespace, links: [] },
    attachments: [],
    ports: [],
  };
}

/** The default network alone, with nothing that an endpoint of the pool cannot have. */
function isPlain(connections: readonly ConnectRequest[], defaultId: string): boolean {
  const [only, ...others] = connections;
  return (
    others.length === 0 &&
    only?.networkId === defaultId &&
    only.ipv4 === undefined &&
    only.ipv6 === undefined &&
    only.macAddress === undefined
  );
}

/** The same places under other names of the instance's; aliases stay. */
function renamed(attachments: readonly Attachment[], own: readonly string[]): readonly Attachment[] {
  const [first = '', ...others] = own;
  return attachments.map((attachment) => {
    const { endpoint } = attachment;
    const names = [...new Set([first, ...endpoint.aliases, ...others])];
    return { ...attachment, endpoint: { ...endpoint, names } };
  });
}
