import * as v from 'valibot';
import type { ImageConfig, Manifest } from '../model/image.ts';
import type { AddressPoolDefinition, NetworkDefinition } from '../model/network.ts';
import type { MachineDisk } from '../model/machine.ts';
import {
  digest,
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
} from './record-format.ts';

/** A schema for each field of a type: a field that is added there must be added here. */
type EntriesOf<T> = { readonly [Key in keyof Required<T>]: v.GenericSchema };

const poolEntries: EntriesOf<AddressPoolDefinition> = {
  subnet: text,
  range: maybe(text),
  gateway: text,
  chosen: flag,
  auxiliary: textMap,
};

const networkEntries: EntriesOf<NetworkDefinition> = {
  id: hexId,
  name: text,
  driver: v.picklist(['bridge', 'macvlan', 'host', 'null']),
  createdAt: number,
  internal: flag,
  attachable: flag,
  ipv6: flag,
  pools: v.array(fields(poolEntries)),
  options: textMap,
  ipamOptions: v.nullable(textMap),
  labels: textMap,
  link: text,
};

const machineEntries: EntriesOf<MachineDisk> = {
  name: text,
  disk: text,
  kernel: text,
  initrd: text,
  cmdline: text,
  virtualSize: number,
  storedSize: number,
  createdAt: number,
  description: text,
};

const descriptor = fields({ mediaType: text, digest, size: integer, annotations: maybe(textMap) });

const manifestEntries: EntriesOf<Manifest> = {
  schemaVersion: v.literal(2),
  mediaType: text,
  config: descriptor,
  layers: v.array(descriptor),
  annotations: maybe(textMap),
};

/** Lists may be null: image builders write them so. */
const list = maybe(v.nullable(texts));
const configEntries: EntriesOf<ImageConfig> = {
  created: maybe(text),
  author: maybe(text),
  architecture: text,
  os: text,
  variant: maybe(text),
  config: maybe(
    fields({
      Env: list,
      Entrypoint: list,
      Cmd: list,
      Shell: list,
      OnBuild: list,
      Labels: maybe(v.nullable(textMap)),
    }),
  ),
  rootfs: fields({ type: v.literal('layers'), diff_ids: v.array(digest) }),
  history: maybe(v.array(map(v.unknown()))),
};

/** Records of the first version had no number. */
const firstVersion = (record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => record;

export const NETWORK_FORMAT: RecordFormat = { schema: fields(networkEntries), steps: [firstVersion] };
export const MACHINE_FORMAT: RecordFormat = { schema: fields(machineEntries), steps: [firstVersion] };
/** Documents of the OCI's: their versions are its own. */
export const MANIFEST_FORMAT: RecordFormat = { schema: fields(manifestEntries), steps: [] };
export const CONFIG_FORMAT: RecordFormat = { schema: fields(configEntries), steps: [] };
/** Labels and options of volumes. */
export const TEXT_MAP_FORMAT: RecordFormat = { schema: textMap, steps: [] };
