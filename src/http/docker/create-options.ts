import { HullError } from '../../model/errors.ts';
import type { Healthcheck } from '../../model/image.ts';
import type { RestartPolicy } from '../../model/instance.ts';
import type { DeviceMapping, GivenMounts, InstanceOptions, Ulimit } from '../../model/instance-options.ts';
import { ISOLATIONS, isIsolation, type Isolation } from '../../model/isolation.ts';
import { ISOLATION_LABEL } from '../../model/labels.ts';
import type { CreateBody, HostConfigBody } from './create-schema.ts';

/** Runtimes by the names that Docker's clients give: they choose an isolation. */
const RUNTIMES: ReadonlyMap<string, Isolation> = new Map([
  ['runc', 'container'],
  ['crun', 'container'],
  ['io.containerd.runc.v2', 'container'],
  ['runsc', 'sandbox'],
  ['io.containerd.runsc.v1', 'sandbox'],
  ['hull-vm', 'vm'],
  ['kata', 'vm'],
  ['io.containerd.kata.v2', 'vm'],
]);

/** `HostConfig.Isolation`, else the annotation, else the label, else the runtime. Throws `invalid-argument`. */
export function isolationOf(body: CreateBody, host: HostConfigBody): Isolation | undefined {
  const runtime = nonEmpty(host.Runtime);
  const byRuntime = runtime === undefined ? undefined : RUNTIMES.get(runtime);
  if (runtime !== undefined && byRuntime === undefined)
    throw invalid(`unknown or invalid runtime name: ${runtime}`);
  const places: readonly (readonly [string, string | undefined])[] = [
    ['HostConfig.Isolation', nonEmpty(host.Isolation)],
    [`HostConfig.Annotations.${ISOLATION_LABEL}`, host.Annotations?.[ISOLATION_LABEL]],
    [`Labels.${ISOLATION_LABEL}`, body.Labels?.[ISOLATION_LABEL]],
  ];
  for (const [field, asked] of places) {
    if (asked === undefined || asked === 'default') continue;
    if (isIsolation(asked)) return agreed(asked, field, byRuntime, runtime);
    throw invalid(
      `invalid isolation '${asked}' on linux: ${field} is one of ${ISOLATIONS.join(', ')}, default`,
    );
  }
  return byRuntime === 'container' ? undefined : byRuntime;
}

/** `runc` is what clients name without thinking, so it contradicts nothing. */
function agreed(
  isolation: Isolation,
  field: string,
  byRuntime: Isolation | undefined,
  runtime: string | undefined,
): Isolation {
  if (byRuntime === undefined || byRuntime === 'container' || byRuntime === isolation) return isolation;
  throw invalid(
    `conflicting options: ${field} is '${isolation}', and HostConfig.Runtime '${runtime}' is isolation '${byRuntime}'`,
  );
}

/** What HostConfig asks for beside limits, mounts and network; what is not asked for is absent. Throws `invalid-argument`. */
export function toOptions(body: CreateBody, host: HostConfigBody): InstanceOptions {
  const found: { readonly [K in keyof InstanceOptions]: InstanceOptions[K] | undefined } = {
    ulimits: list(host.Ulimits?.map(toUlimit)),
    sysctls: map(host.Sysctls),
    devices: list(host.Devices?.map(toDevice)),
    deviceCgroupRules: list(host.DeviceCgroupRules),
    securityOpt: list(host.SecurityOpt),
    // An empty list is a request here: it masks nothing.
    maskedPaths: host.MaskedPaths ?? undefined,
    readonlyPaths: host.ReadonlyPaths ?? undefined,
    groupAdd: list(host.GroupAdd),
    pidMode: nonEmpty(host.PidMode),
    ipcMode: nonEmpty(host.IpcMode),
    utsMode: nonEmpty(host.UTSMode),
    usernsMode: nonEmpty(host.UsernsMode),
    cgroupnsMode: nonEmpty(host.CgroupnsMode),
    cgroupParent: nonEmpty(host.CgroupParent),
    oomScoreAdj: nonZero(host.OomScoreAdj),
    shmSize: nonZero(host.ShmSize),
    storageOpt: map(host.StorageOpt),
    annotations: map(host.Annotations),
    runtime: nonEmpty(host.Runtime),
    log: toLog(host),
    given: givenMounts(body, host),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** `HostConfig.RestartPolicy`. Throws `invalid-argument` in Docker's words. */
export function toRestartPolicy(policy: HostConfigBody['RestartPolicy']): RestartPolicy | undefined {
  const name = policy?.Name ?? '';
  const count = policy?.MaximumRetryCount ?? 0;
  switch (name) {
    case '':
      return undefined;
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (count === 0) return { name, maximumRetryCount: 0 };
      throw invalid(
        `invalid restart policy: maximum retry count can only be used with 'on-failure'${count < 0 ? ' and cannot be negative' : ''}`,
      );
    case 'on-failure':
      if (count >= 0) return { name, maximumRetryCount: count };
      throw invalid('invalid restart policy: maximum retry count cannot be negative');
    default:
      throw invalid(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

/** `Healthcheck`: fields that are absent or zero stay so. */
export function toHealthcheck(body: CreateBody): Healthcheck | undefined {
  if (body.Healthcheck === undefined || body.Healthcheck === null) return undefined;
  const given = Object.entries(body.Healthcheck).filter(
    ([, value]) => value !== null && value !== undefined && value !== 0,
  );
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function toUlimit(entry: NonNullable<HostConfigBody['Ulimits']>[number]): Ulimit {
  return { name: entry?.Name ?? '', soft: entry?.Soft ?? 0, hard: entry?.Hard ?? 0 };
}

function toDevice(entry: NonNullable<HostConfigBody['Devices']>[number]): DeviceMapping {
  const pathOnHost = entry?.PathOnHost ?? '';
  return {
    pathOnHost,
    pathInContainer: nonEmpty(entry?.PathInContainer) ?? pathOnHost,
    permissions: nonEmpty(entry?.CgroupPermissions) ?? 'rwm',
  };
}

function toLog(host: HostConfigBody): InstanceOptions['log'] {
  const driver = host.LogConfig?.Type ?? '';
  const options = host.LogConfig?.Config ?? {};
  if (driver === '' && Object.keys(options).length === 0) return undefined;
  return { driver: driver === '' ? 'json-file' : driver, options };
}

function givenMounts(body: CreateBody, host: HostConfigBody): GivenMounts | undefined {
  const found: { readonly [K in keyof GivenMounts]: GivenMounts[K] | undefined } = {
    binds: list(host.Binds),
    tmpfs: map(host.Tmpfs),
    mounts: list(host.Mounts),
    volumes: list(Object.keys(body.Volumes ?? {})),
    volumesFrom: list(host.VolumesFrom),
    volumeDriver: nonEmpty(host.VolumeDriver),
  };
  const given = Object.entries(found).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function list<T>(value: readonly T[] | null | undefined): readonly T[] | undefined {
  return value === null || value === undefined || value.length === 0 ? undefined : value;
}

function map(
  value: Readonly<Record<string, string>> | null | undefined,
): Readonly<Record<string, string>> | undefined {
  return value === null || value === undefined || Object.keys(value).length === 0 ? undefined : value;
}

function nonZero(value: number | null | undefined): number | undefined {
  return value === 0 ? undefined : (value ?? undefined);
}

function nonEmpty(value: string | null | undefined): string | undefined {
  return value === '' ? undefined : (value ?? undefined);
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
