import { HullError, isHullError } from '../../model/errors.ts';
import type { CreateInstance } from '../api.ts';
import { traitsOf } from '../isolations.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import type { NetworkCatalog } from './catalog.ts';
import { checkConnection } from './connections.ts';

function knownOrNull(registry: Pick<Registry, 'get'>, nameOrId: string): InstanceRecord | null {
  try {
    return registry.get(nameOrId);
  } catch (error) {
    if (isHullError(error, 'instance-not-found')) return null;
    throw error;
  }
}

/**
 * A create request with its networks by their names, where they exist already (others are looked for when it starts), and the instance that it
 * joins by its id. Throws what can be said before the start.
 */
export function settleNetworks(
  request: CreateInstance,
  catalog: Pick<NetworkCatalog, 'find'>,
  registry: Pick<Registry, 'get'>,
): CreateInstance {
  if (request.networkMode === 'container') {
    const joined = knownOrNull(registry, request.joins ?? '');
    // Looked for again when it starts: a client that is told of a missing thing here believes that it is the image.
    if (joined === null) return request;
    const { id, name, hostname, isolation } = joined.config;
    if (!traitsOf(isolation).sharesKernel)
      throw new HullError(
        'not-supported',
        `the network of ${name} cannot be joined: it runs as a ${isolation}, which has a network stack of its own; put both on one network`,
        { details: { field: 'HostConfig.NetworkMode' } },
      );
    return { ...request, joins: id, networkName: `container:${id}`, hostname };
  }
  if (request.networks === undefined) return request;
  const networks = request.networks.map((connection) => {
    const definition = catalog.find(connection.network);
    if (definition === null) return connection;
    checkConnection(definition, connection);
    return { ...connection, network: definition.name };
  });
  const names = networks.map(({ network }) => network);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new HullError('invalid-argument', `the network ${twice} is named twice, by name and by id`);
  return { ...request, networks };
}
