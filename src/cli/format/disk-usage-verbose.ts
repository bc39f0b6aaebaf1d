import type { DiskUsageResponse } from '../../../api/docker.ts';
import { sum } from './disk-usage.ts';
import { IMAGE_TITLES, imageRows } from './images.ts';
import { INSTANCE_TITLES, instanceRow } from './instances.ts';
import { listingText, type Row } from './listing.ts';
import { ago, humanSize } from './units.ts';
import { VOLUME_TITLES, volumeRow } from './volumes.ts';

const STEP_TITLES = {
  CreatedSince: 'CREATED',
  ID: 'CACHE ID',
  LastUsedSince: 'LAST USED',
  Shared: 'SHARED',
  Size: 'SIZE',
  Type: 'CACHE TYPE',
  UsageCount: 'USAGE',
} as const;

/** Every image, instance, volume and build step, a table each, as docker prints them. */
export function verboseDiskUsage(usage: DiskUsageResponse): string {
  const section = (title: string, titles: Row, columns: readonly string[], rows: readonly Row[]): string =>
    `${title}\n\n${listingText({ columns, titles, rows, format: undefined })}`;
  const cache = usage.BuildCache ?? [];
  const cacheSize = sum(cache.filter(({ Shared }) => !Shared).map(({ Size }) => Size));
  return [
    section(
      'Images space usage:',
      IMAGE_TITLES,
      ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'],
      (usage.Images ?? []).flatMap((image) => imageRows(image, { truncate: true, digests: false })),
    ),
    section(
      'Containers space usage:',
      INSTANCE_TITLES,
      ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'],
      (usage.Containers ?? []).map((container) => instanceRow(container, { truncate: true })),
    ),
    section(
      'Local Volumes space usage:',
      VOLUME_TITLES,
      ['Name', 'Links', 'Size'],
      (usage.Volumes ?? []).map(volumeRow),
    ),
    section(
      `Build cache usage: ${humanSize(cacheSize)}`,
      STEP_TITLES,
      ['ID', 'Type', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'],
      cache.map((step) => ({
        CreatedSince: ago(Date.parse(step.CreatedAt)),
        ID: step.ID.slice(0, 12),
        LastUsedSince: ago(Date.parse(step.LastUsedAt)),
        Shared: String(step.Shared),
        Size: humanSize(step.Size),
        Type: step.Type,
        UsageCount: String(step.UsageCount),
      })),
    ),
  ].join('\n');
}
