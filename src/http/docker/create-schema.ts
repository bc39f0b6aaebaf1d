import * as v from 'valibot';
import { endpointBody } from './network-schema.ts';
import {
  command,
  consoleSize,
  flag,
  hostConfig,
  integer,
  stringMap,
  text,
  texts,
  words,
  MOST_ENTRIES,
} from './host-config-schema.ts';

/**
 * Schemas of the bodies that make containers and execs. Unknown fields pass unread; null counts as absent, as it does for
 * Go's clients. What the engine cannot honour is named in `create-unsupported.ts`.
 */
const set = v.nullish(v.record(v.string(), v.unknown()));
const volumes = v.nullish(v.pipe(v.record(v.string(), v.unknown()), v.maxEntries(MOST_ENTRIES)));
/** Each is a link, and at least one address. */
const MOST_NETWORKS = 256;

const healthcheck = v.nullish(
  v.object({
    Test: texts,
    Interval: integer,
    Timeout: integer,
    StartPeriod: integer,
    StartInterval: integer,
    Retries: integer,
  }),
);

/** POST /containers/create. */
export const createBody = v.looseObject({
  Image: text,
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: set,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: words,
  Cmd: command,
  Entrypoint: command,
  Volumes: volumes,
  WorkingDir: text,
  Labels: stringMap,
  StopSignal: text,
  StopTimeout: integer,
  NetworkDisabled: flag,
  Healthcheck: healthcheck,
  MacAddress: text,
  ArgsEscaped: flag,
  Shell: texts,
  OnBuild: texts,
  HostConfig: v.nullish(hostConfig),
  NetworkingConfig: v.nullish(
    v.object({
      EndpointsConfig: v.nullish(
        v.pipe(v.record(v.string(), v.nullish(endpointBody)), v.maxEntries(MOST_NETWORKS)),
      ),
    }),
  ),
});
export type CreateBody = v.InferOutput<typeof createBody>;
export type { HostConfigBody, MountBody } from './host-config-schema.ts';

/** POST /containers/ID/exec. */
export const execCreateBody = v.object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  DetachKeys: text,
  Tty: flag,
  Env: words,
  Cmd: command,
  Privileged: flag,
  User: text,
  WorkingDir: text,
  ConsoleSize: consoleSize,
});
export type ExecCreateBody = v.InferOutput<typeof execCreateBody>;

/** POST /exec/ID/start. */
export const execStartBody = v.object({ Detach: flag, Tty: flag, ConsoleSize: consoleSize });

/** POST /volumes/create. */
export const volumeCreateBody = v.object({
  Name: text,
  Driver: text,
  DriverOpts: stringMap,
  Labels: stringMap,
  ClusterVolumeSpec: v.nullish(v.unknown()),
});
