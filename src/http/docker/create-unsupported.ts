import { HullError } from '../../model/errors.ts';
import type { CreateBody, HostConfigBody } from './create-schema.ts';

/**
 * What Docker's create request may ask and this engine does not do. Asked for in earnest (not empty, not the default), a
 * field is refused where the workload would run differently without it, and warned of where it is a mere limit or hint.
 */
type Idle = readonly unknown[];

/** `HostConfig` fields that are refused, and the values (beside empty ones) that ask for nothing. */
const REFUSED: Readonly<Record<string, Idle>> = {
  Cgroup: [],
  CgroupParent: [],
  CgroupnsMode: ['private'],
  CpuRealtimePeriod: [],
  CpuRealtimeRuntime: [],
  CpusetMems: [],
  DeviceCgroupRules: [],
  DeviceRequests: [],
  Devices: [],
  GroupAdd: [],
  IpcMode: ['private', 'shareable'],
  Links: [],
  PidMode: ['private'],
  SecurityOpt: [],
  StorageOpt: [],
  Sysctls: [],
  Ulimits: [],
  UTSMode: [],
  UsernsMode: ['host'],
  VolumeDriver: ['local'],
  VolumesFrom: [],
};

const WARNED: Readonly<Record<string, Idle>> = {
  BlkioWeight: [],
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  DnsOptions: [],
  DnsSearch: [],
  KernelMemory: [],
  KernelMemoryTCP: [],
  MemoryReservation: [],
  MemorySwappiness: [-1],
  OomKillDisable: [],
  OomScoreAdj: [],
  ShmSize: [],
};

/** Security options that take away what this engine does not use in the first place. */
const IDLE_SECURITY = ['label=disable', 'label:disable', 'apparmor=unconfined', 'apparmor:unconfined'];

/** Throws `not-supported` for what must not be ignored; returns warnings for what is. */
export function checkUnsupported(body: CreateBody): readonly string[] {
  const host: HostConfigBody = body.HostConfig ?? {};
  for (const [field, idle] of Object.entries(REFUSED)) {
    if (asks(field === 'SecurityOpt' ? earnestSecurity(host[field]) : host[field], idle))
      throw refused(`HostConfig.${field}`);
  }
  // An empty list is a request here: it unmasks everything.
  for (const field of ['MaskedPaths', 'ReadonlyPaths']) {
    if (Array.isArray(host[field])) throw refused(`HostConfig.${field}`);
  }
  checkLog(host);
  checkRestart(host);
  checkEndpoints(body);
  if (asks(body['MacAddress'], [])) throw refused('MacAddress');
  return warnings(body, host);
}

function warnings(body: CreateBody, host: HostConfigBody): readonly string[] {
  const ignored = Object.entries(WARNED)
    .filter(([field, idle]) => asks(host[field], idle))
    .map(([field]) => `HostConfig.${field} is not supported and was ignored.`);
  const test = body.Healthcheck?.Test?.[0];
  if (test !== undefined && test !== '' && test !== 'NONE')
    ignored.push('Healthcheck is not supported and was ignored.');
  return ignored;
}

function earnestSecurity(value: unknown): unknown {
  return Array.isArray(value) ? value.filter((option) => !IDLE_SECURITY.includes(String(option))) : value;
}

function checkLog(host: HostConfigBody): void {
  const type = host.LogConfig?.Type ?? '';
  if (!['', 'json-file', 'local'].includes(type)) {
    throw new HullError(
      'not-supported',
      `HostConfig.LogConfig.Type: the log driver "${type}" is not supported; leave it out, logs are kept on disk and rotated`,
    );
  }
}

function checkRestart(host: HostConfigBody): void {
  const name = host.RestartPolicy?.Name ?? '';
  if (name !== '' && name !== 'no') {
    throw new HullError(
      'not-supported',
      `HostConfig.RestartPolicy.Name: the restart policy "${name}" is not supported yet; leave it out`,
    );
  }
}

/** Clients name the network once more with empty settings; settings in earnest are refused. */
function checkEndpoints(body: CreateBody): void {
  const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const mode = body.HostConfig?.NetworkMode ?? 'default';
  for (const [network, settings] of endpoints) {
    const field = `NetworkingConfig.EndpointsConfig.${network}`;
    if (![mode, 'default', 'bridge', 'host', 'none'].includes(network)) throw refused(field);
    if (asks(settings, [])) throw refused(field);
  }
}

/** Does the value ask for something? Empty, zero, false and containers of nothing but these do not. */
function asks(value: unknown, idle: Idle): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return false;
  if (idle.includes(value)) return false;
  if (typeof value === 'object') return Object.values(value).some((part) => asks(part, idle));
  return true;
}

function refused(field: string): HullError {
  return new HullError('not-supported', `${field} is not supported; leave it out`, { details: { field } });
}
