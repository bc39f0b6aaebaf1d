import type { EngineApi } from '../../engine/api.ts';
import { isHullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { Filters } from '../filters.ts';
import { dockerState } from './container-state.ts';
import { networkId } from './derived-id.ts';

/** The filters of GET /containers/json. */
export const CONTAINER_FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;

/** The instances that pass, in their order. Throws `instance-not-found` for an unknown `before` or `since`. */
export function filterInstances(
  engine: EngineApi,
  instances: readonly Instance[],
  filters: Filters,
): readonly Instance[] {
  const before = boundary(engine, filters, 'before');
  const since = boundary(engine, filters, 'since');
  const ancestors = filters.get('ancestor').flatMap((reference) => ancestorId(engine, reference));
  return instances.filter((instance) => {
    const { config, status } = instance;
    return (
      (before === null || config.createdAt < before) &&
      (since === null || config.createdAt > since) &&
      (!filters.has('ancestor') ||
        (config.source.kind === 'image' && ancestors.includes(config.source.imageId))) &&
      filters.any('id', (value) => config.id.startsWith(value)) &&
      filters.any('name', (value) => matchesName(config.name, value)) &&
      filters.any('status', (value) => dockerState(status) === value) &&
      filters.any(
        'exited',
        (value) => dockerState(status) === 'exited' && status.exit?.code === Number(value),
      ) &&
      filters.any('isolation', (value) => config.isolation === value) &&
      filters.any('health', (value) => value === 'none') &&
      filters.any('is-task', (value) => value === 'false' || value === '0') &&
      filters.labels(config.labels) &&
      matchesPlaces(engine, instance, filters)
    );
  });
}

function matchesPlaces(engine: EngineApi, { config, status }: Instance, filters: Filters): boolean {
  const network = status.endpoints[0]?.network ?? config.networkMode;
  return (
    filters.any('volume', (value) =>
      config.mounts.some((mount) => mount.volume === value || mount.target === value),
    ) &&
    filters.any(
      'network',
      (value) => value === network || networkId(engine.identity, network).startsWith(value),
    ) &&
    filters.any('expose', (value) => config.exposedPorts.includes(withProtocol(value))) &&
    filters.any('publish', (value) =>
      status.ports.some((port) => `${port.containerPort}/${port.protocol}` === withProtocol(value)),
    )
  );
}

const withProtocol = (port: string) => (port.includes('/') ? port : `${port}/tcp`);

/** Docker matches names as regular expressions, with or without the leading slash; what is none matches as text. */
function matchesName(name: string, wanted: string): boolean {
  try {
    const pattern = new RegExp(wanted);
    return pattern.test(name) || pattern.test(`/${name}`);
  } catch {
    return name.includes(wanted);
  }
}

function boundary(engine: EngineApi, filters: Filters, name: 'before' | 'since'): number | null {
  const value = filters.get(name)[0];
  return value === undefined ? null : engine.instances.get(value).config.createdAt;
}

/** An unknown ancestor matches nothing, as with Docker. */
function ancestorId(engine: EngineApi, reference: string): readonly string[] {
  try {
    return [engine.images.get(reference).id];
  } catch (error) {
    if (isHullError(error) && (error.kind === 'NotFound' || error.kind === 'InvalidArgument')) return [];
    throw error;
  }
}
