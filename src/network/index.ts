import type { Host } from '../host/host.ts';
import { type NamespaceSetup, NetlinkNamespaceSetup } from '../host/net-namespace.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { BridgeNetwork, type NetworkSettings } from './bridge-network.ts';
import type { Network } from './network.ts';

export type { NetworkSettings } from './bridge-network.ts';

/** The network of one engine. Nothing happens on the host before `start`. */
export function createNetwork(options: {
  host: Host;
  identity: EngineIdentity;
  settings?: NetworkSettings;
  /** For tests; default: route netlink on the real machine. */
  setup?: NamespaceSetup;
}): Network {
  return new BridgeNetwork(
    options.host,
    options.setup ?? new NetlinkNamespaceSetup(),
    options.identity,
    options.settings ?? {},
  );
}
