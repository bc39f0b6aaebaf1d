import { HullError } from '../../model/errors.ts';
import type { CreateInstance } from '../api.ts';
import type { Registry } from '../instances/registry.ts';
import type { NetworkCatalog } from './catalog.ts';
import { checkConnection } from './connections.ts';

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
    const { id, hostname } = registry.get(request.joins ?? '').config;
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
