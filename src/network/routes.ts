import type { NetworkEndpoint } from '../model/instance.ts';

/** What decides about default routes. */
export interface Way {
  readonly endpoint: Pick<NetworkEndpoint, 'network' | 'gateway' | 'ipv6'>;
  readonly gatewayPriority: number;
}

/** The attachments whose networks give the default routes; null where none leads anywhere. */
export interface DefaultRoutes<T> {
  readonly ipv4: T | null;
  readonly ipv6: T | null;
}

/** Docker's rule: the highest priority, then the first name in the alphabet. Pure. */
export function defaultRoutes<T extends Way>(ways: readonly T[]): DefaultRoutes<T> {
  const ordered = ways.toSorted(
    (a, b) => b.gatewayPriority - a.gatewayPriority || compare(a.endpoint.network, b.endpoint.network),
  );
  return {
    ipv4: ordered.find(({ endpoint }) => endpoint.gateway !== '') ?? null,
    ipv6: ordered.find(({ endpoint }) => (endpoint.ipv6?.gateway ?? '') !== '') ?? null,
  };
}

/** By code units, as Go compares strings. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
