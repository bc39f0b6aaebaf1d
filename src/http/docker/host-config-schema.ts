import * as v from 'valibot';

/** Building blocks of the bodies' schemas: null counts as absent, as it does for Go's clients. */
export const text = v.nullish(v.string());
export const flag = v.nullish(v.boolean());
export const integer = v.nullish(v.pipe(v.number(), v.safeInteger()));
/** Entries of a list or map that has one for each thing that somebody writes down; nobody writes down as many. */
export const MOST_ENTRIES = 4096;
export const texts = v.nullish(v.pipe(v.array(v.string()), v.maxLength(MOST_ENTRIES)));
export const stringMap = v.nullish(v.pipe(v.record(v.string(), v.string()), v.maxEntries(MOST_ENTRIES)));
/** Environments and arguments, whose bound is the kernel's. */
export const words = v.nullish(v.array(v.string()));
/** Go's `strslice`: a list, or one string. */
export const command = v.nullish(v.union([v.array(v.string()), v.string()]));
export const consoleSize = v.nullish(
  v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))), v.length(2)),
);

const portBindings = v.nullish(
  v.record(v.string(), v.nullish(v.array(v.object({ HostIp: text, HostPort: text })))),
);

const driver = v.nullish(v.looseObject({ Name: text, Options: stringMap }));

const mount = v.looseObject({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: v.nullish(
    v.looseObject({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: v.nullish(
    v.looseObject({ NoCopy: flag, Labels: stringMap, DriverConfig: driver, Subpath: text }),
  ),
  TmpfsOptions: v.nullish(
    v.looseObject({ SizeBytes: integer, Mode: integer, Options: v.nullish(v.array(v.array(v.string()))) }),
  ),
});

const throttle = v.nullish(
  v.pipe(v.array(v.nullish(v.object({ Path: text, Rate: integer }))), v.maxLength(MOST_ENTRIES)),
);

/** `Resources`: shared by create and update. */
const resources = {
  Memory: integer,
  MemorySwap: integer,
  MemoryReservation: integer,
  MemorySwappiness: integer,
  KernelMemory: integer,
  KernelMemoryTCP: integer,
  OomKillDisable: flag,
  NanoCpus: integer,
  CpuShares: integer,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpuCount: integer,
  CpuPercent: integer,
  CpusetCpus: text,
  CpusetMems: text,
  CgroupParent: text,
  PidsLimit: integer,
  BlkioWeight: integer,
  BlkioWeightDevice: v.nullish(v.array(v.nullish(v.object({ Path: text, Weight: integer })))),
  BlkioDeviceReadBps: throttle,
  BlkioDeviceWriteBps: throttle,
  BlkioDeviceReadIOps: throttle,
  BlkioDeviceWriteIOps: throttle,
  IOMaximumBandwidth: integer,
  IOMaximumIOps: integer,
  Devices: v.nullish(
    v.pipe(
      v.array(v.nullish(v.object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text }))),
      v.maxLength(MOST_ENTRIES),
    ),
  ),
  DeviceCgroupRules: texts,
  DeviceRequests: v.nullish(
    v.array(
      v.looseObject({
        Driver: text,
        Count: integer,
        DeviceIDs: texts,
        Capabilities: v.nullish(v.array(v.array(v.string()))),
        Options: stringMap,
      }),
    ),
  ),
  Ulimits: v.nullish(v.array(v.nullish(v.object({ Name: text, Soft: integer, Hard: integer })))),
};

const restartPolicy = v.nullish(v.object({ Name: text, MaximumRetryCount: integer }));

/** `HostConfig`. Unknown fields pass unread. */
export const hostConfig = v.looseObject({
  ...resources,
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: v.nullish(v.object({ Type: text, Config: stringMap })),
  NetworkMode: text,
  PortBindings: portBindings,
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  Mounts: v.nullish(v.pipe(v.array(mount), v.maxLength(MOST_ENTRIES))),
  ConsoleSize: consoleSize,
  Annotations: stringMap,
  CapAdd: command,
  CapDrop: command,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: stringMap,
  Tmpfs: stringMap,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: stringMap,
  Runtime: text,
  Isolation: text,
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Init: flag,
  Machine: text,
});
export type HostConfigBody = v.InferOutput<typeof hostConfig>;
export type MountBody = v.InferOutput<typeof mount>;

/** POST /containers/ID/update. */
export const updateBody = v.looseObject({ ...resources, RestartPolicy: restartPolicy });
export type UpdateBody = v.InferOutput<typeof updateBody>;
const resourcesAlone = v.object(resources);
/** What create and update say about limits. */
export type ResourcesBody = v.InferOutput<typeof resourcesAlone>;
