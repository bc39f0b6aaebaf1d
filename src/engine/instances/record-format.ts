import * as v from 'valibot';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { InstanceConfig, InstanceMount, NetworkConnection, ProcessSpec } from '../../model/instance.ts';
import { ISOLATIONS } from '../../model/isolation.ts';
import type { Resources } from '../../model/resources.ts';
import type { Attachment, NetworkLease } from '../../network/network.ts';
import {
  fields,
  flag,
  hexId,
  integer,
  map,
  maybe,
  number,
  type RecordFormat,
  text,
  textMap,
  texts,
} from '../../state/record-format.ts';
import type { InstanceRecord } from './record.ts';
import {
  endpoint,
  type EntriesOf,
  port,
  statusSchema,
  withStatusOfItsState,
  withWholeStatus,
} from './status-format.ts';

const process: EntriesOf<ProcessSpec> = {
  args: texts,
  env: texts,
  cwd: text,
  user: text,
  tty: flag,
  size: maybe(fields({ rows: integer, columns: integer })),
};

const mount: EntriesOf<InstanceMount> = {
  type: v.picklist(['bind', 'volume', 'tmpfs']),
  source: text,
  target: text,
  readOnly: flag,
  mode: maybe(text),
  volume: maybe(text),
  subpath: maybe(text),
  options: texts,
};

const connection: EntriesOf<NetworkConnection> = {
  network: text,
  aliases: texts,
  ipv4: maybe(text),
  ipv6: maybe(text),
  linkLocal: maybe(texts),
  macAddress: maybe(text),
  driverOptions: textMap,
  links: texts,
  gatewayPriority: number,
};

const byDevice = (value: string): v.GenericSchema => maybe(v.array(fields({ path: text, [value]: number })));
const resources: EntriesOf<Resources> = {
  memory: maybe(number),
  memorySwap: maybe(number),
  memoryReservation: maybe(number),
  memorySwappiness: maybe(number),
  oomKillDisable: maybe(flag),
  nanoCpus: maybe(number),
  cpuShares: maybe(number),
  cpuPeriod: maybe(number),
  cpuQuota: maybe(number),
  cpuRealtimePeriod: maybe(number),
  cpuRealtimeRuntime: maybe(number),
  cpusetCpus: maybe(text),
  cpusetMems: maybe(text),
  pidsLimit: maybe(number),
  blkioWeight: maybe(number),
  blkioWeightDevice: byDevice('weight'),
  blkioDeviceReadBps: byDevice('rate'),
  blkioDeviceWriteBps: byDevice('rate'),
  blkioDeviceReadIOps: byDevice('rate'),
  blkioDeviceWriteIOps: byDevice('rate'),
};

const options: EntriesOf<InstanceOptions> = {
  ulimits: maybe(v.array(fields({ name: text, soft: number, hard: number }))),
  sysctls: maybe(textMap),
  devices: maybe(v.array(fields({ pathOnHost: text, pathInContainer: text, permissions: text }))),
  deviceCgroupRules: maybe(texts),
  securityOpt: maybe(texts),
  maskedPaths: maybe(texts),
  readonlyPaths: maybe(texts),
  groupAdd: maybe(texts),
  pidMode: maybe(text),
  ipcMode: maybe(text),
  utsMode: maybe(text),
  usernsMode: maybe(text),
  cgroupnsMode: maybe(text),
  cgroupParent: maybe(text),
  oomScoreAdj: maybe(number),
  shmSize: maybe(number),
  storageOpt: maybe(textMap),
  annotations: maybe(textMap),
  runtime: maybe(text),
  log: maybe(fields({ driver: text, options: textMap })),
  given: maybe(map(v.unknown())),
};

const config: EntriesOf<InstanceConfig> = {
  id: hexId,
  name: text,
  isolation: v.picklist(ISOLATIONS),
  source: v.union([
    fields({ kind: v.literal('image'), reference: text, imageId: text }),
    fields({ kind: v.literal('machine'), disk: text }),
  ]),
  process: fields(process),
  entrypoint: texts,
  command: texts,
  hostname: text,
  domainname: text,
  openStdin: flag,
  stdinOnce: flag,
  attach: fields({ stdin: flag, stdout: flag, stderr: flag }),
  mounts: v.array(fields(mount)),
  networkMode: v.picklist(['bridge', 'host', 'none', 'container']),
  networkName: maybe(text),
  joins: maybe(text),
  networks: v.array(fields(connection)),
  ports: v.array(fields(port)),
  exposedPorts: texts,
  extraHosts: texts,
  dns: texts,
  dnsSearch: maybe(texts),
  dnsOptions: maybe(texts),
  resources: fields(resources),
  readOnlyRoot: flag,
  init: flag,
  privileged: flag,
  capAdd: texts,
  capDrop: texts,
  autoRemove: flag,
  restartPolicy: maybe(
    fields({
      name: v.picklist(['no', 'always', 'unless-stopped', 'on-failure']),
      maximumRetryCount: number,
    }),
  ),
  labels: textMap,
  stopSignal: text,
  stopTimeout: number,
  healthcheck: maybe(map(v.unknown())),
  options: fields(options),
  createdAt: number,
};

const attachment: EntriesOf<Attachment> = {
  endpoint: fields(endpoint),
  hostLink: v.nullable(text),
  gatewayPriority: number,
  publishes: flag,
  links: texts,
  mtu: number,
  resolver: v.nullable(text),
};

const lease: EntriesOf<NetworkLease> = {
  mode: v.picklist(['bridge', 'host', 'none', 'container']),
  bundle: fields({ mode: text, namespace: maybe(text), links: maybe(v.array(map(v.unknown()))) }),
  attachments: v.array(fields(attachment)),
  ports: v.array(fields(port)),
};

const record: EntriesOf<InstanceRecord> = {
  config: fields(config),
  status: statusSchema,
  lease: v.nullable(fields(lease)),
  pidStartTime: number,
  bootId: text,
  manuallyStopped: maybe(flag),
  comesBack: maybe(flag),
  restartDelay: maybe(number),
};

/** Instances in the database. */
export const INSTANCE_FORMAT: RecordFormat = {
  schema: fields(record),
  steps: [withWholeStatus, withStatusOfItsState],
};
