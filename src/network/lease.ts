import type { Endpoint } from './endpoints.ts';
import { parseAddress } from './ipv4.ts';
import type { NetworkLease } from './network.ts';
import type { Forward } from './nft.ts';

/** A lease with the DNS names that go with it. */
export interface KnownLease {
  readonly lease: NetworkLease;
  readonly names: readonly string[];
}

/** The instance's own pinned namespace; null for the host's and for another instance's. */
export function namespaceOf(lease: NetworkLease): string | null {
  const { bundle } = lease;
  return bundle.mode === 'host' || bundle.mode === 'container' ? null : bundle.namespace;
}

/** The endpoint that a lease describes; null without one. */
export function endpointOf(lease: NetworkLease): Endpoint | null {
  const [first] = lease.attachments;
  const address = first === undefined ? null : parseAddress(first.endpoint.address);
  const namespace = namespaceOf(lease);
  const hostLink = first?.hostLink ?? null;
  if (first === undefined || address === null || namespace === null || hostLink === null) return null;
  return { address, namespace, hostLink, macAddress: first.endpoint.macAddress };
}

/** The lease's published ports, as the firewall needs them. */
export function forwardsOf(lease: NetworkLease): Forward[] {
  const endpoint = lease.attachments[0]?.endpoint;
  if (endpoint === undefined) return [];
  return lease.ports.map(({ protocol, hostIp, hostPort, containerPort }) => {
    return { protocol, hostIp, hostPort, address: endpoint.address, port: containerPort };
  });
}
