import type { Endpoint } from './endpoints.ts';
import { parseAddress } from './ipv4.ts';
import type { NetworkLease } from './network.ts';
import type { Forward } from './nft.ts';

/** A lease with the DNS names that go with it. */
export interface KnownLease {
  readonly lease: NetworkLease;
  readonly names: readonly string[];
}

/** The pinned namespace; null for the host's own. */
export function namespaceOf(lease: NetworkLease): string | null {
  return lease.bundle.mode === 'host' ? null : lease.bundle.namespace;
}

/** The endpoint that a lease describes; null without one. */
export function endpointOf(lease: NetworkLease): Endpoint | null {
  const address = lease.endpoint === null ? null : parseAddress(lease.endpoint.address);
  const namespace = namespaceOf(lease);
  if (lease.endpoint === null || address === null || namespace === null || lease.hostLink === null)
    return null;
  return { address, namespace, hostLink: lease.hostLink, macAddress: lease.endpoint.macAddress };
}

/** The lease's published ports, as the firewall needs them. */
export function forwardsOf(lease: NetworkLease): Forward[] {
  const { endpoint } = lease;
  if (endpoint === null) return [];
  return lease.ports.map(({ protocol, hostIp, hostPort, containerPort }) => {
    return { protocol, hostIp, hostPort, address: endpoint.address, port: containerPort };
  });
}
