import type { EngineApi } from '../../engine/api.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { Filters } from '../filters.ts';
import { namePatterns } from '../name-patterns.ts';
import { endpointMap, networkFacts } from './container-network-json.ts';
import { dockerState, healthStatus } from './container-state.ts';
import { portRange } from './port-range.ts';
import { portSummaries } from './ports.ts';

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

const STATES = ['created', 'dead', 'exited', 'paused', 'removing', 'restarting', 'running'];
const HEALTH = ['healthy', 'none', 'starting', 'unhealthy'];

/** The instances that pass, of the newest first. Throws `instance-not-found` for an unknown `before` or `since`, `invalid-argument` for values that cannot be. */
export function filterInstances(
  engine: EngineApi,
  newestFirst: readonly Instance[],
  filters: Filters,
): readonly Instance[] {
  checkValues(filters);
  const tests = [
    ...timeTests(engine, newestFirst, filters),
    ...identityTests(engine, filters),
    stateTest(filters),
    portTest(filters),
    placeTest(engine, filters),
  ];
  return newestFirst.filter((instance) => tests.every((passes) => passes(instance)));
}

type Test = (instance: Instance) => boolean;

function checkValues(filters: Filters): void {
  oneOf(filters, 'status', STATES);
  oneOf(filters, 'health', HEALTH);
  for (const value of filters.get('exited')) {
    if (!/^[+-]?\d+$/.test(value)) throw invalid('exited', value);
  }
  if (filters.has('is-task')) filters.flag('is-task');
}

function oneOf(filters: Filters, name: string, known: readonly string[]): void {
  const wrong = filters.get(name).find((value) => !known.includes(value));
  if (wrong !== undefined) {
    throw new HullError(
      'invalid-argument',
      `invalid filter '${name}=${wrong}': must be one of ${known.join(', ')}`,
    );
  }
}

function invalid(name: string, value: string): HullError {
  return new HullError('invalid-argument', `invalid filter '${name}=${value}'`);
}

/** By place in the list: two may have been created in the same millisecond. */
function timeTests(engine: EngineApi, newestFirst: readonly Instance[], filters: Filters): Test[] {
  const places = new Map(newestFirst.map(({ config }, index) => [config.id, index]));
  const placeOf = (id: string) => places.get(id) ?? -1;
  const boundary = (name: 'before' | 'since') =>
    filters.get(name).map((value) => placeOf(engine.instances.get(value).config.id))[0];
  const before = boundary('before');
  const since = boundary('since');
  return [
    ({ config }) => before === undefined || placeOf(config.id) > before,
    ({ config }) => since === undefined || placeOf(config.id) < since,
  ];
}

function identityTests(engine: EngineApi, filters: Filters): Test[] {
  const ancestors = new Set(filters.get('ancestor').flatMap((reference) => descendants(engine, reference)));
  const matchesId = namePatterns(filters, 'id');
  const matchesName = namePatterns(filters, 'name');
  return [
    ({ config: { source } }) =>
      !filters.has('ancestor') || (source.kind === 'image' && ancestors.has(source.imageId)),
    ({ config }) => matchesId(config.id),
    ({ config }) => matchesName(config.name) || matchesName(`/${config.name}`),
    ({ config }) => filters.any('isolation', (value) => value === config.isolation),
    ({ config }) => filters.labels(config.labels),
    // Tasks are a swarm's.
    () => filters.flag('is-task') !== true,
  ];
}

/** The image and those built upon it: their history goes on where its own ends. An unknown ancestor matches nothing, as with Docker. */
function descendants(engine: EngineApi, reference: string): readonly string[] {
  try {
    const { id, config } = engine.images.get(reference);
    const history = (config.history ?? []).map((entry) => JSON.stringify(entry));
    const layers = config.rootfs.diff_ids;
    if (history.length === 0) return [id];
    const upon = engine.images.list().filter((image) => {
      const theirs = image.config.history ?? [];
      return (
        theirs.length > history.length &&
        layers.every((digest, index) => image.config.rootfs.diff_ids[index] === digest) &&
        history.every((entry, index) => JSON.stringify(theirs[index]) === entry)
      );
    });
    return [id, ...upon.map((image) => image.id)];
  } catch (error) {
    if (isHullError(error) && (error.kind === 'NotFound' || error.kind === 'InvalidArgument')) return [];
    throw error;
  }
}

function stateTest(filters: Filters): Test {
  const codes = filters.get('exited').map(Number);
  return ({ status }) => {
    const state = dockerState(status);
    return (
      filters.any('status', (value) => state === value) &&
      filters.any('health', (value) => healthStatus(status) === value) &&
      (codes.length === 0 || (state === 'exited' && status.exit !== null && codes.includes(status.exit.code)))
    );
  };
}

/** Docker's: one of all the ports named by either filter is enough; only those of running containers count. */
function portTest(filters: Filters): Test {
  const published = filters.get('publish').map((value) => portRange('publish', value));
  const exposed = filters.get('expose').map((value) => portRange('expose', value));
  if (published.length === 0 && exposed.length === 0) return () => true;
  return (instance) =>
    portSummaries(instance).some(
      ({ PublicPort, PrivatePort, Type }) =>
        published.some((range) => PublicPort !== undefined && range(PublicPort, Type)) ||
        exposed.some((range) => range(PrivatePort, Type)),
    );
}

function placeTest(engine: EngineApi, filters: Filters): Test {
  const facts = networkFacts(engine);
  return (instance) => {
    const networks = () => Object.entries(endpointMap(facts, instance));
    return (
      filters.any('volume', (value) =>
        instance.config.mounts.some(
          ({ volume, source, target }) => (volume ?? source) === value || target === value,
        ),
      ) &&
      filters.any('network', (value) =>
        networks().some(
          ([name, { NetworkID }]) => name === value || (NetworkID !== '' && NetworkID.startsWith(value)),
        ),
      )
    );
  };
}
