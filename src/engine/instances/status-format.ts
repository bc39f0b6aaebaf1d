import * as v from 'valibot';
import type { Health, HealthProbe } from '../../model/health.ts';
import type { ExitStatus, NetworkEndpoint, PortBinding } from '../../model/instance.ts';
import type {
  AttachedNetwork,
  CreatedStatus,
  EndedStatus,
  InstanceState,
  RemovingStatus,
  RunningStatus,
  StartingStatus,
  StoppingStatus,
} from '../../model/instance-status.ts';
import { fields, type Fields, flag, integer, maybe, number, text, texts } from '../../state/record-format.ts';

/** A schema for each field of a type: a field that is added there must be added here, and what older records lack needs a step or `maybe`. */
export type EntriesOf<T> = { readonly [Key in keyof Required<T>]: v.GenericSchema };

export const port: EntriesOf<PortBinding> = {
  protocol: v.picklist(['tcp', 'udp', 'sctp']),
  containerPort: integer,
  hostIp: text,
  hostPort: integer,
  lastHostPort: maybe(integer),
};

const exit: EntriesOf<ExitStatus> = {
  code: integer,
  oomKilled: flag,
  finishedAt: number,
  error: maybe(text),
};
const address = fields({ address: text, prefixLength: integer, gateway: text });

export const endpoint: EntriesOf<NetworkEndpoint> = {
  network: text,
  networkId: text,
  endpointId: text,
  link: text,
  address: text,
  prefixLength: integer,
  gateway: text,
  ipv6: v.nullable(address),
  macAddress: text,
  aliases: texts,
  names: texts,
};

const probe: EntriesOf<HealthProbe> = { start: number, end: number, exitCode: integer, output: text };
const health: EntriesOf<Health> = {
  status: v.picklist(['starting', 'healthy', 'unhealthy']),
  failingStreak: number,
  log: v.array(fields(probe)),
};

const kept = {
  exit: v.nullable(fields(exit)),
  restartCount: number,
  health: v.nullable(fields(health)),
};
const network: EntriesOf<AttachedNetwork> = {
  endpoints: v.array(fields(endpoint)),
  ports: v.array(fields(port)),
};
const startedAt = v.nullable(number);

const created: EntriesOf<CreatedStatus> = { ...kept, state: v.literal('created'), error: text };
const starting: EntriesOf<StartingStatus> = { ...kept, ...network, state: v.literal('starting'), startedAt };
const alive = { ...kept, ...network, pid: integer, startedAt: number, error: text };
const running: EntriesOf<RunningStatus> = { ...alive, state: v.picklist(['running', 'paused']) };
const stopping: EntriesOf<StoppingStatus> = {
  ...alive,
  state: v.literal('stopping'),
  was: v.picklist(['running', 'paused']),
};
const ended: EntriesOf<EndedStatus> = {
  ...{ ...kept, ...network, state: v.picklist(['exited', 'restarting']) },
  ...{ exit: fields(exit), startedAt, error: text },
};
const removing: EntriesOf<RemovingStatus> = { ...kept, ...network, state: v.literal('removing'), startedAt };

const SHAPES: Readonly<Record<InstanceState, v.ObjectEntries>> = {
  ...{ created, starting, running, paused: running, stopping },
  ...{ exited: ended, restarting: ended, removing },
};

/** A status, by its state. */
export const statusSchema: v.GenericSchema = v.variant(
  'state',
  [created, starting, running, stopping, ended, removing].map((shape) => v.object(shape)),
);

/** A step of the records' format: the first ones had not all of the status. */
export function withWholeStatus(before: Fields): Fields {
  return withStatus(before, (known) => ({ ...WHOLE, ...known }));
}

/** A step of the records' format: once a status had the same fields in every state. */
export function withStatusOfItsState(before: Fields): Fields {
  return withStatus(before, (known) => {
    const state = Object.entries(SHAPES).find(([name]) => name === known['state']);
    if (state === undefined) return known;
    const all: Fields = { ...known, was: 'running', exit: known['exit'] ?? noExit(state[1]) };
    return Object.fromEntries(Object.keys(state[1]).map((name) => [name, all[name]]));
  });
}

/** Of an instance that had never run. */
const WHOLE = {
  ...{ state: 'created', pid: 0, startedAt: null, exit: null, error: '' },
  ...{ endpoints: [], ports: [], restartCount: 0, health: null },
};

/** What has ended has an exit. */
function noExit(shape: v.ObjectEntries): ExitStatus | null {
  return shape === ended ? { code: 0, oomKilled: false, finishedAt: 0 } : null;
}

function withStatus(before: Fields, change: (known: Fields) => Fields): Fields {
  const { status } = before;
  const known = typeof status === 'object' && status !== null ? (status as Fields) : {};
  return { ...before, status: change(known) };
}
