import type { ImageHistoryItem, ImageInspect, ImageSummary } from '../../../api/docker.ts';
import type { HistoryEntry, Image, ImageRunConfig } from '../../model/image.ts';
import { familiarName } from '../familiar-name.ts';
import { NEVER, timestamp, unixSeconds } from './times.ts';

export interface ImageUsage {
  readonly total: number;
  readonly shared: number;
}

export interface SummaryOptions {
  /** Familiar names to show, with tags and with digests. */
  readonly names: readonly string[];
  /** Null: not known. */
  readonly usage: ImageUsage | null;
  readonly withShared: boolean;
  readonly apiMinor: number;
}

/** One row of GET /images/json. */
export function imageSummary(
  image: Image,
  { names, usage, withShared, apiMinor }: SummaryOptions,
): ImageSummary {
  const tags = names.filter((name) => !name.includes('@'));
  const digests = names.filter((name) => name.includes('@'));
  // Clients of old cannot show an image without a name.
  const old = apiMinor < 43 && tags.length === 0;
  const size = usage?.total ?? 0;
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: old ? ['<none>:<none>'] : tags,
    RepoDigests: old && digests.length === 0 ? ['<none>@<none>'] : digests,
    Created: createdSeconds(image.config.created),
    Size: size,
    SharedSize: withShared ? (usage?.shared ?? 0) : -1,
    ...(apiMinor < 44 ? { VirtualSize: size } : {}),
    Labels: image.config.config?.Labels ?? null,
    Containers: -1,
  };
}

export interface InspectOptions {
  /** Bytes on disk. */
  readonly size: number;
  /** The folders of the layers, topmost first. */
  readonly folders: readonly string[];
  readonly apiMinor: number;
}

/** Answer of GET /images/NAME/json. */
export function imageInspect(image: Image, { size, folders, apiMinor }: InspectOptions): ImageInspect {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.references.map(familiarName),
    RepoDigests: (image.digests ?? []).map(familiarName),
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? NEVER,
    // docker-compose 1.29 needs it to recreate a container, in every version of the API.
    ContainerConfig: oldConfig(config.config ?? {}),
    DockerVersion: '',
    Author: config.author ?? '',
    Config: apiMinor < 50 ? oldConfig(config.config ?? {}) : ownConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: size,
    ...(apiMinor < 44 ? { VirtualSize: size } : {}),
    GraphDriver: { Name: 'overlay2', Data: graphData(folders) },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: timestamp(image.storedAt) },
  };
}

function graphData([upper, ...lower]: readonly string[]): Readonly<Record<string, string>> | null {
  if (upper === undefined) return null;
  return { ...(lower.length === 0 ? {} : { LowerDir: lower.join(':') }), UpperDir: upper };
}

/** The image's own configuration: what is empty is left out. */
function ownConfig(config: ImageRunConfig): ImageInspect['Config'] {
  const entries = Object.entries(config).filter(([, value]: [string, unknown]) => {
    if (value === undefined || value === null || value === '' || value === false) return false;
    return typeof value !== 'object' || Object.keys(value).length > 0;
  });
  return Object.fromEntries(entries);
}

/** Until API 1.50, images showed the fields that only instances have, too. */
function oldConfig(config: ImageRunConfig): ImageInspect['Config'] {
  return {
    Hostname: '',
    Domainname: '',
    User: config.User ?? '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(config.ExposedPorts === undefined ? {} : { ExposedPorts: config.ExposedPorts }),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck === undefined ? {} : { Healthcheck: config.Healthcheck }),
    ...(config.ArgsEscaped === true ? { ArgsEscaped: true } : {}),
    Image: '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
    ...(config.Shell === undefined ? {} : { Shell: config.Shell }),
  };
}

/** When an image was made, milliseconds since the epoch; 0 where it does not say. */
export function createdTime(image: Image): number {
  const time = image.config.created === undefined ? Number.NaN : Date.parse(image.config.created);
  return Number.isNaN(time) ? 0 : time;
}

function createdSeconds(created: string | undefined): number {
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? 0 : unixSeconds(time);
}

/** GET /images/NAME/history: newest first; every entry that made a layer has that layer's size. */
export function imageHistory(image: Image): readonly ImageHistoryItem[] {
  const recorded: readonly HistoryEntry[] = image.config.history ?? [];
  const entries = recorded.length > 0 ? recorded : image.layers.map((): HistoryEntry => ({}));
  let layer = 0;
  const items = entries.map((entry, index): ImageHistoryItem => {
    const size = entry.empty_layer === true ? 0 : (image.layers[layer++]?.unpackedSize ?? 0);
    const newest = index === entries.length - 1;
    return {
      Comment: entry.comment ?? '',
      Created: createdSeconds(entry.created),
      CreatedBy: entry.created_by ?? '',
      Id: newest ? image.id : '<missing>',
      Size: size,
      Tags: newest && image.references.length > 0 ? image.references.map(familiarName) : null,
    };
  });
  return items.toReversed();
}
