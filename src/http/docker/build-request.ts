import { isIP } from 'node:net';
import * as v from 'valibot';
import type { BuildRequest } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import { parseValue } from '../json-body.ts';
import type { Query } from '../query.ts';
import { checkPlatform } from './platform.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

type Settings = NonNullable<BuildRequest['settings']>;

const ulimits = v.nullable(
  v.array(
    v.object({
      Name: v.string(),
      Soft: v.pipe(v.number(), v.integer()),
      Hard: v.pipe(v.number(), v.integer()),
    }),
  ),
);

/** The query of POST /build. Throws `invalid-argument`, and `not-supported` for what would give another image if ignored. */
export function readBuildRequest(query: Query): Omit<BuildRequest, 'context'> {
  refuseUnsupported(query);
  const blueprint = query.nonEmpty('dockerfile');
  const target = query.nonEmpty('target');
  return {
    ...(blueprint === undefined ? {} : { blueprint }),
    tags: query.all('t').filter((tag) => tag !== ''),
    ...(target === undefined ? {} : { target }),
    args: query.strings('buildargs'),
    labels: query.strings('labels'),
    noCache: query.flag('nocache'),
    fetchAlways: query.flag('pull'),
    settings: settingsOf(query),
  };
}

function refuseUnsupported(query: Query): void {
  checkPlatform(query.text('platform'));
  for (const name of ['squash', 'outputs', 'securityopt', 'isolation']) {
    const value = query.nonEmpty(name) ?? '';
    if (!['', '0', 'false', 'null', '[]', '{}', 'default'].includes(value)) {
      throw new HullError('not-supported', `build: "${name}" is not supported; leave it out`);
    }
  }
  if (query.text('version') === '2') {
    throw new HullError('not-supported', 'build: BuildKit is not supported; set DOCKER_BUILDKIT=0');
  }
}

function settingsOf(query: Query): Settings {
  const shmSize = query.integer('shmsize') ?? 0;
  const limits = parseValue(ulimits, query.json('ulimits') ?? null) ?? [];
  const cgroupParent = query.nonEmpty('cgroupparent');
  if (cgroupParent?.split('/').includes('..') === true)
    throw new HullError('invalid-argument', `invalid cgroup parent: ${cgroupParent}`);
  const network = networkOf(query.nonEmpty('networkmode') ?? 'default');
  const extraHosts = query
    .all('extrahosts')
    .filter((entry) => entry !== '')
    .flatMap(hostEntries);
  return {
    resources: resourcesOf(query),
    ...(network === 'bridge' ? {} : { network }),
    ...(extraHosts.length === 0 ? {} : { extraHosts }),
    options: {
      ...(shmSize > 0 ? { shmSize } : {}),
      ...(cgroupParent === undefined ? {} : { cgroupParent }),
      ...(limits.length === 0
        ? {}
        : { ulimits: limits.map(({ Name: name, Soft: soft, Hard: hard }) => ({ name, soft, hard })) }),
    },
  };
}

function resourcesOf(query: Query): NonNullable<Settings['resources']> {
  const positive = (name: string): number | undefined => {
    const value = query.integer(name) ?? 0;
    return value > 0 ? value : undefined;
  };
  const values = {
    memory: positive('memory'),
    memorySwap: query.integer('memswap') === -1 ? -1 : positive('memswap'),
    cpuShares: positive('cpushares'),
    cpuPeriod: positive('cpuperiod'),
    cpuQuota: positive('cpuquota'),
    cpusetCpus: query.nonEmpty('cpusetcpus'),
    cpusetMems: query.nonEmpty('cpusetmems'),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function networkOf(mode: string): 'bridge' | 'host' | 'none' {
  if (mode === 'default' || mode === 'bridge') return 'bridge';
  if (mode === 'host' || mode === 'none') return mode;
  throw new HullError(
    'not-supported',
    `build: network mode "${mode}" is not supported; steps are run with bridge, host or none`,
  );
}

/** `NAME:ADDRESS`, or a JSON list of them, as clients differ. */
function hostEntries(text: string): string[] {
  let values: unknown = [text];
  if (text.startsWith('[')) {
    try {
      values = parseBoundedJson(text);
    } catch (error) {
      throw new HullError('invalid-argument', 'query parameter "extrahosts": not valid JSON', {
        cause: error,
      });
    }
  }
  const entries = parseValue(v.array(v.string()), values);
  const wrong = entries.find((entry) => !/^[\w.-]+:/.test(entry) || isIP(addressOf(entry)) === 0);
  if (wrong === undefined) return entries;
  throw new HullError('invalid-argument', `invalid extra host "${wrong}": write it as NAME:ADDRESS`);
}

function addressOf(entry: string): string {
  return entry.slice(entry.indexOf(':') + 1).replace(/^\[|\]$/g, '');
}
