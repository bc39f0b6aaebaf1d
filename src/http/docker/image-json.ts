import type { ContainerConfig, ImageHistoryItem, ImageInspect, ImageSummary } from '../../../api/docker.ts';
import type { HistoryEntry, Image, ImageRunConfig } from '../../model/image.ts';
import { familiarName, splitTag } from '../familiar-name.ts';
import { NEVER, timestamp, unixSeconds } from './times.ts';

export interface ImageUsage {
  readonly total: number;
  readonly shared: number;
}

/** One row of GET /images/json. `usage` null: not known. */
export function imageSummary(
  image: Image,
  usage: ImageUsage | null,
  withShared: boolean,
  users: number,
): ImageSummary {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.references.map(familiarName),
    RepoDigests: repoDigests(image),
    Created: createdSeconds(image.config.created),
    Size: usage?.total ?? 0,
    SharedSize: withShared ? (usage?.shared ?? 0) : -1,
    Labels: image.config.config?.Labels ?? null,
    Containers: users,
  };
}

/** Answer of GET /images/NAME/json. `size`: bytes on disk. */
export function imageInspect(image: Image, size: number): ImageInspect {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.references.map(familiarName),
    RepoDigests: repoDigests(image),
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? NEVER,
    DockerVersion: '',
    Author: config.author ?? '',
    Config: runConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: size,
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: timestamp(image.storedAt) },
  };
}

function runConfig(config: ImageRunConfig): ContainerConfig {
  return {
    User: config.User ?? '',
    ...(config.ExposedPorts === undefined ? {} : { ExposedPorts: config.ExposedPorts }),
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck === undefined ? {} : { Healthcheck: config.Healthcheck }),
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
    ...(config.Shell === undefined ? {} : { Shell: config.Shell }),
  };
}

function repoDigests(image: Image): readonly string[] {
  const repositories = new Set(image.references.map((reference) => splitTag(familiarName(reference))[0]));
  return [...repositories].map((repository) => `${repository}@${image.manifestDigest}`);
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
      Id: newest ? image.id : '<missing>',
      Created: createdSeconds(entry.created),
      CreatedBy: entry.created_by ?? '',
      Tags: newest && image.references.length > 0 ? image.references.map(familiarName) : null,
      Size: size,
      Comment: entry.comment ?? '',
    };
  });
  return items.toReversed();
}
