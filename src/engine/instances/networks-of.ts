import type { NetworkEndpoint } from '../../model/instance.ts';
import type { NetworkLease } from '../../network/network.ts';

/** What a lease says about the networks, for the instance's status. */
export function endpointsOf(lease: NetworkLease): readonly NetworkEndpoint[] {
  return lease.attachments.map((attachment) => attachment.endpoint);
}
