import { HullError } from '../../model/errors.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { isAlive } from '../../model/instance-status.ts';
import type { AttachRequest, KnownLease, NetworkLease } from '../../network/network.ts';
import { traitsOf } from '../isolations.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import { connectionsOf } from '../networks/connections.ts';
import type { Registry } from './registry.ts';

/** The names that an instance answers to in DNS. */
export function dnsNames(config: InstanceConfig): string[] {
  return [...new Set([config.name, config.id.slice(0, 12), config.hostname])];
}

/** A recorded lease with all that the network has to know again. */
export function knownLease(config: InstanceConfig, lease: NetworkLease): KnownLease {
  return { lease, names: dnsNames(config), ...upstreamsOf(config) };
}

/** The network of a run: its networks and the instance it joins, as they are now. Throws what keeps it from being had. */
export function attachRequest(
  config: InstanceConfig,
  catalog: Pick<NetworkCatalog, 'find'>,
  registry: Pick<Registry, 'byId'>,
): AttachRequest {
  const request = {
    instanceId: config.id,
    mode: config.networkMode,
    ports: config.ports,
    names: dnsNames(config),
    ...upstreamsOf(config),
  };
  if (config.networkMode === 'container') return { ...request, joined: joinedLease(config, registry) };
  if (config.networkMode !== 'bridge') return request;
  const connections = connectionsOf(config, catalog);
  refuseForMachine(config, connections.length);
  return { ...request, connections };
}

function upstreamsOf({ dns }: InstanceConfig): { upstreams?: readonly string[] } {
  return dns.length === 0 ? {} : { upstreams: dns };
}

function joinedLease(config: InstanceConfig, registry: Pick<Registry, 'byId'>): NetworkLease {
  const id = config.joins ?? '';
  const joined = registry.byId(id);
  if (joined === null || joined.status.state === 'removing')
    throw new HullError('instance-not-found', `No such container: ${id}`);
  if (!isAlive(joined.status) || joined.lease === null)
    throw new HullError('wrong-state', `cannot join network of a non running container: ${id}`);
  for (const each of [config, joined.config])
    if (!traitsOf(each.isolation).sharesKernel)
      throw new HullError(
        'not-supported',
        `${config.name} cannot join the network of ${joined.config.name}: ${each.name} runs as a ${each.isolation}, which has a network stack of its own; put both on one network`,
      );
  return joined.lease;
}

/** A machine has nobody inside who would set up more than one link. */
function refuseForMachine(config: InstanceConfig, networks: number): void {
  if (config.source.kind === 'machine' && networks > 1)
    throw new HullError(
      'not-supported',
      `the machine ${config.name} can be on one network only, and ${networks} were named; disconnect it from the others`,
    );
}
