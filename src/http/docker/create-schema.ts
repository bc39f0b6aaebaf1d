import * as v from 'valibot';

/**
 * Schemas of the bodies that make containers and execs. Unknown fields pass unread; null counts as absent, as it does for
 * Go's clients. What the engine cannot honour is named in `create-unsupported.ts`.
 */
const text = v.nullish(v.string());
const flag = v.nullish(v.boolean());
const integer = v.nullish(v.pipe(v.number(), v.safeInteger()));
const texts = v.nullish(v.array(v.string()));
const stringMap = v.nullish(v.record(v.string(), v.string()));
const set = v.nullish(v.record(v.string(), v.unknown()));
/** Go's `strslice`: a list, or one string. */
const command = v.nullish(v.union([v.array(v.string()), v.string()]));
const consoleSize = v.nullish(
  v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))), v.length(2)),
);

const portBindings = v.nullish(
  v.record(v.string(), v.nullish(v.array(v.object({ HostIp: text, HostPort: text })))),
);

const mount = v.object({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  BindOptions: v.nullish(v.object({ Propagation: text, NonRecursive: flag, CreateMountpoint: flag })),
  VolumeOptions: v.nullish(v.object({ NoCopy: flag, Subpath: text, DriverConfig: v.nullish(v.unknown()) })),
  TmpfsOptions: v.nullish(v.object({ SizeBytes: integer, Mode: integer })),
});

const hostConfig = v.looseObject({
  Binds: texts,
  Mounts: v.nullish(v.array(mount)),
  PortBindings: portBindings,
  PublishAllPorts: flag,
  NetworkMode: text,
  AutoRemove: flag,
  Memory: integer,
  MemorySwap: integer,
  NanoCpus: integer,
  CpuQuota: integer,
  CpuPeriod: integer,
  CpuShares: integer,
  CpusetCpus: text,
  PidsLimit: integer,
  ReadonlyRootfs: flag,
  Init: flag,
  Privileged: flag,
  CapAdd: command,
  CapDrop: command,
  ExtraHosts: texts,
  Dns: texts,
  Tmpfs: stringMap,
  ConsoleSize: consoleSize,
  Runtime: text,
  Isolation: text,
  Machine: text,
  RestartPolicy: v.nullish(v.object({ Name: text })),
  LogConfig: v.nullish(v.object({ Type: text, Config: stringMap })),
});

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
  Env: texts,
  Cmd: command,
  Entrypoint: command,
  Volumes: set,
  WorkingDir: text,
  Labels: stringMap,
  StopSignal: text,
  StopTimeout: integer,
  NetworkDisabled: flag,
  Healthcheck: v.nullish(v.object({ Test: texts })),
  HostConfig: v.nullish(hostConfig),
  NetworkingConfig: v.nullish(v.object({ EndpointsConfig: v.nullish(v.record(v.string(), v.unknown())) })),
});
export type CreateBody = v.InferOutput<typeof createBody>;
export type HostConfigBody = v.InferOutput<typeof hostConfig>;
export type MountBody = v.InferOutput<typeof mount>;

/** POST /containers/ID/exec. */
export const execCreateBody = v.object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  DetachKeys: text,
  Tty: flag,
  Env: texts,
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
