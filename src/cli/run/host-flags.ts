import type { DeviceMapping, HostConfig, ThrottleDevice, Ulimit } from '../../../api/docker.ts';
import { bool, integer, list, parsed, parsedList, text, type Values } from '../flags/flag.ts';
import type { CliIo } from '../io.ts';
import { UsageError } from '../usage-error.ts';
import { pairs } from '../values/environment.ts';
import { parseBytes } from '../values/size.ts';

/** How an instance runs on its host, of `hull create` and `hull run`; docker's names. */
export const HOST_FLAGS = {
  annotation: list('Pass an annotation to the runtime', { placeholder: 'NAME=VALUE' }),
  'blkio-weight': integer('Share of block I/O, 10 to 1000'),
  'blkio-weight-device': parsedList('Share of one device’s I/O', parseWeightDevice, {
    placeholder: 'PATH:WEIGHT',
  }),
  'cgroup-parent': text('Control group above the instance’s own'),
  cgroupns: text('Control group namespace: private or host', { complete: ['private', 'host'] }),
  'cpu-period': integer('Period of the CPU quota, microseconds'),
  'cpu-quota': integer('CPU time per period, microseconds'),
  'cpu-rt-period': integer('Period of realtime CPU, microseconds'),
  'cpu-rt-runtime': integer('Realtime CPU per period, microseconds'),
  'cpuset-mems': text('Memory nodes that may be used'),
  device: parsedList('Give a device of the host', parseDevice, { placeholder: 'HOST[:INSIDE[:rwm]]' }),
  'device-cgroup-rule': list('Allow a kind of device: c 1:3 rwm'),
  'device-read-bps': parsedList('Limit reading from a device, bytes a second', parseThrottle, {
    placeholder: 'PATH:RATE',
  }),
  'device-read-iops': parsedList('Limit reading from a device, operations a second', parseOperations, {
    placeholder: 'PATH:RATE',
  }),
  'device-write-bps': parsedList('Limit writing to a device, bytes a second', parseThrottle, {
    placeholder: 'PATH:RATE',
  }),
  'device-write-iops': parsedList('Limit writing to a device, operations a second', parseOperations, {
    placeholder: 'PATH:RATE',
  }),
  'group-add': list('Add a group to the user’s'),
  ipc: text('IPC namespace: private, shareable, none, host or container:NAME', {
    complete: ['private', 'shareable', 'none', 'host'],
  }),
  'log-driver': text('Where output goes: json-file, local or none', {
    complete: ['json-file', 'local', 'none'],
  }),
  'log-opt': list('Options of the log, such as max-size=10m', { placeholder: 'NAME=VALUE' }),
  'memory-reservation': parsed('Memory left to it when memory runs short', parseBytes, {
    placeholder: 'bytes',
  }),
  'memory-swappiness': integer('How readily its memory is swapped, 0 to 100'),
  'oom-kill-disable': bool('Let it wait for memory rather than be killed'),
  'oom-score-adj': integer('How readily it is killed for memory, -1000 to 1000'),
  pid: text('Process namespace: host or container:NAME', { complete: ['host'] }),
  runtime: text('Runtime: runc, crun, runsc, hull-vm', { complete: ['runc', 'crun', 'runsc', 'hull-vm'] }),
  'security-opt': list(
    'Security options: seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined',
  ),
  'shm-size': parsed('Size of /dev/shm', parseBytes, { placeholder: 'bytes' }),
  'storage-opt': list('Options of the writable part', { placeholder: 'NAME=VALUE' }),
  sysctl: list('Set a kernel setting of its own', { placeholder: 'NAME=VALUE' }),
  ulimit: parsedList('Limit as of ulimit: nofile=1024:2048', parseUlimit, {
    placeholder: 'NAME=SOFT[:HARD]',
  }),
  userns: text('User namespace: host', { complete: ['host'] }),
  uts: text('UTS namespace: host', { complete: ['host'] }),
  'volume-driver': text('Driver of volumes that are made'),
  'volumes-from': list('Mount what another instance mounts', {
    placeholder: 'NAME[:ro]',
    complete: 'instances',
  }),
} as const;

type HostValues = Values<typeof HOST_FLAGS>;

/** These flags' part of `HostConfig`. Throws `UsageError`. */
export function hostOptions(io: Pick<CliIo, 'readFile'>, values: HostValues): HostConfig {
  const maps = {
    Annotations: pairs(values.annotation),
    StorageOpt: pairs(values['storage-opt']),
    Sysctls: pairs(values.sysctl),
  };
  const fields: Partial<Record<keyof HostConfig, unknown>> = {
    BlkioWeight: values['blkio-weight'],
    BlkioWeightDevice: values['blkio-weight-device'],
    BlkioDeviceReadBps: values['device-read-bps'],
    BlkioDeviceWriteBps: values['device-write-bps'],
    BlkioDeviceReadIOps: values['device-read-iops'],
    BlkioDeviceWriteIOps: values['device-write-iops'],
    CgroupParent: values['cgroup-parent'],
    CgroupnsMode: values.cgroupns,
    CpuPeriod: values['cpu-period'],
    CpuQuota: values['cpu-quota'],
    CpuRealtimePeriod: values['cpu-rt-period'],
    CpuRealtimeRuntime: values['cpu-rt-runtime'],
    CpusetMems: values['cpuset-mems'],
    Devices: values.device,
    DeviceCgroupRules: values['device-cgroup-rule'],
    GroupAdd: values['group-add'],
    IpcMode: values.ipc,
    MemoryReservation: values['memory-reservation'],
    MemorySwappiness: values['memory-swappiness'],
    OomKillDisable: values['oom-kill-disable'] ? true : undefined,
    OomScoreAdj: values['oom-score-adj'],
    PidMode: values.pid,
    Runtime: values.runtime,
    ShmSize: values['shm-size'],
    Ulimits: values.ulimit,
    UsernsMode: values.userns,
    UTSMode: values.uts,
    VolumeDriver: values['volume-driver'],
    VolumesFrom: values['volumes-from'],
    LogConfig: logConfig(values),
    ...maps,
    ...securityOptions(io, values['security-opt']),
  };
  return Object.fromEntries(Object.entries(fields).filter(([field, value]) => says(field, value)));
}

/** An empty list of paths is a word of its own; every other empty one says nothing. */
function says(field: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (field === 'MaskedPaths' || field === 'ReadonlyPaths') return true;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

function logConfig(values: HostValues): HostConfig['LogConfig'] {
  const options = pairs(values['log-opt']);
  if (values['log-driver'] === 'none' && values['log-opt'].length > 0)
    throw new UsageError('invalid logging opts for driver none');
  if (values['log-driver'] === undefined && values['log-opt'].length === 0) return undefined;
  return { Type: values['log-driver'] ?? '', Config: options };
}

/** docker's: a profile's file is sent as its text, and `systempaths` stands for two other fields. */
function securityOptions(
  io: Pick<CliIo, 'readFile'>,
  options: readonly string[],
): Pick<HostConfig, 'SecurityOpt' | 'MaskedPaths' | 'ReadonlyPaths'> {
  const rest = options.filter((option) => option !== 'systempaths=unconfined');
  const sent = rest.map((option) => {
    const [, path] = /^seccomp[=:](.*)$/s.exec(option) ?? [];
    if (path === undefined || path === 'unconfined' || path === 'builtin') return option;
    return `seccomp=${profileText(io, path)}`;
  });
  const open = rest.length < options.length ? { MaskedPaths: [], ReadonlyPaths: [] } : {};
  return { ...(sent.length === 0 ? {} : { SecurityOpt: sent }), ...open };
}

function profileText(io: Pick<CliIo, 'readFile'>, path: string): string {
  try {
    return JSON.stringify(JSON.parse(io.readFile(path)));
  } catch (error) {
    throw new UsageError(
      `opening seccomp profile (${path}) failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** `nofile=1024:2048`; -1 for unlimited. */
function parseUlimit(value: string): Ulimit {
  const [, name, soft, hard] =
    /^([a-z]+)=(-?\d{1,15}|unlimited)(?::(-?\d{1,15}|unlimited))?$/.exec(value) ?? [];
  if (name === undefined || soft === undefined) throw new Error("it must look like 'nofile=1024:2048'");
  const number = (text: string): number => (text === 'unlimited' ? -1 : Number(text));
  return { Name: name, Soft: number(soft), Hard: number(hard ?? soft) };
}

/** `/dev/a`, `/dev/a:/dev/b`, `/dev/a:rw`, `/dev/a:/dev/b:rw`. */
function parseDevice(value: string): DeviceMapping {
  const parts = value.split(':');
  const [host = '', second, third] = parts;
  const isMode = (text: string | undefined): text is string =>
    text !== undefined && /^[rwm]{1,3}$/.test(text);
  if (parts.length > 3 || !host.startsWith('/'))
    throw new Error("it must look like '/dev/fuse[:/dev/fuse[:rwm]]'");
  if (third !== undefined && !isMode(third))
    throw new Error(`bad mode: ${String(third)}; it is made of r, w and m`);
  const inside = second === undefined || (third === undefined && isMode(second)) ? host : second;
  const mode = third ?? (isMode(second) ? second : 'rwm');
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: mode };
}

function parseThrottle(value: string): ThrottleDevice {
  const [Path, rate] = pathAnd(value, 'RATE');
  return { Path, Rate: parseBytes(rate) };
}

function parseOperations(value: string): ThrottleDevice {
  const [Path, rate] = pathAnd(value, 'RATE');
  if (!/^\d{1,15}$/.test(rate)) throw new Error('the rate must be a whole number');
  return { Path, Rate: Number(rate) };
}

function parseWeightDevice(value: string): { Path: string; Weight: number } {
  const [Path, weight] = pathAnd(value, 'WEIGHT');
  if (!/^\d{1,4}$/.test(weight)) throw new Error('the weight must be a whole number');
  return { Path, Weight: Number(weight) };
}

function pathAnd(value: string, what: string): [path: string, rest: string] {
  const at = value.lastIndexOf(':');
  if (at > 0 && value.startsWith('/dev/')) return [value.slice(0, at), value.slice(at + 1)];
  throw new Error(`it must look like '/dev/NAME:${what}'`);
}
