import type { Attachment, NetworkLease } from './network.ts';
import type { Forward } from './nft.ts';
import { defaultRoutes } from './routes.ts';

/** The instance's own pinned namespace; null for the host's and for another instance's. */
export function namespaceOf(lease: NetworkLease): string | null {
  const { bundle } = lease;
  return bundle.mode === 'host' || bundle.mode === 'container' ? null : bundle.namespace;
}

/** The attachment that the published ports lead to: the one with the default route, where the host may speak to it. */
export function publishedThrough(attachments: readonly Attachment[]): Attachment | null {
  return defaultRoutes(attachments.filter((attachment) => attachment.publishes)).ipv4;
}

/** The lease's published ports, as the firewall needs them. */
export function forwardsOf(lease: NetworkLease): Forward[] {
  const endpoint = publishedThrough(lease.attachments)?.endpoint;
  if (endpoint === undefined) return [];
  return lease.ports.flatMap(({ protocol, hostIp, hostPort, containerPort }) => {
    const address = hostIp.includes(':') ? (endpoint.ipv6?.address ?? null) : endpoint.address;
    return address === null ? [] : [{ protocol, hostIp, hostPort, address, port: containerPort }];
  });
}
