import type { DiskUsageResponse } from '../../../api/docker.ts';
import type { Row } from './listing.ts';
import { humanSize } from './units.ts';

/** Titles of everything that a row of `hull system df` can show. */
export const DISK_TITLES = {
  Active: 'ACTIVE',
  Reclaimable: 'RECLAIMABLE',
  Size: 'SIZE',
  TotalCount: 'TOTAL',
  Type: 'TYPE',
} as const;

const ACTIVE_STATES = ['running', 'paused', 'restarting'];

interface Amount {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  /** Bytes, and those of them that could be removed. */
  readonly size: number;
  readonly reclaimable: number;
  readonly percent: boolean;
}

/** What takes the disk, a row for each kind, counted as docker counts. */
export function diskRows(usage: DiskUsageResponse): Row[] {
  return amounts(usage).map(({ type, total, active, size, reclaimable, percent }) => ({
    Active: String(active),
    Reclaimable:
      percent && size > 0
        ? `${humanSize(reclaimable)} (${Math.trunc((reclaimable * 100) / size)}%)`
        : humanSize(reclaimable),
    Size: humanSize(size),
    TotalCount: String(total),
    Type: type,
  }));
}

function amounts({ LayersSize, Images, Containers, Volumes, BuildCache }: DiskUsageResponse): Amount[] {
  const [images, containers] = [Images ?? [], Containers ?? []];
  const [volumes, cache] = [Volumes ?? [], (BuildCache ?? []).filter(({ Shared }) => !Shared)];
  const usedImages = images.filter(({ Containers: users }) => users > 0);
  const idle = containers.filter(({ State }) => !ACTIVE_STATES.includes(State));
  const dangling = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  const written = (list: typeof containers): number => sum(list.map(({ SizeRw = 0 }) => SizeRw));
  const held = (list: typeof volumes): number => sum(list.map(({ UsageData }) => UsageData?.Size ?? 0));
  return [
    {
      ...{ type: 'Images', total: images.length, active: usedImages.length, size: LayersSize, percent: true },
      reclaimable: LayersSize - sum(usedImages.map(({ Size, SharedSize }) => Size - SharedSize)),
    },
    {
      ...{ type: 'Containers', total: containers.length, active: containers.length - idle.length },
      ...{ size: written(containers), reclaimable: written(idle), percent: true },
    },
    {
      ...{ type: 'Local Volumes', total: volumes.length, active: volumes.length - dangling.length },
      ...{ size: held(volumes), reclaimable: held(dangling), percent: true },
    },
    {
      ...{ type: 'Build Cache', total: (BuildCache ?? []).length, active: 0, percent: false },
      ...{ size: sum(cache.map(({ Size }) => Size)), reclaimable: sum(cache.map(({ Size }) => Size)) },
    },
  ];
}

/** What could not be told (-1) counts as nothing. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + Math.max(0, value), 0);
}
