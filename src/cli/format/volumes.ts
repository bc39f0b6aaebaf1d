import type { VolumeResource } from '../../../api/docker.ts';
import type { Row } from './listing.ts';
import { humanSize } from './units.ts';

/** Titles of everything that a row of `hull volume ls` can show. */
export const VOLUME_TITLES = {
  Driver: 'DRIVER',
  Labels: 'LABELS',
  Links: 'LINKS',
  Mountpoint: 'MOUNTPOINT',
  Name: 'VOLUME NAME',
  Scope: 'SCOPE',
  Size: 'SIZE',
  Label: (key: string) => `${key} label`,
} as const;

/** A volume as docker prints it; sizes are known to `hull system df` alone. */
export function volumeRow(volume: VolumeResource): Row {
  const labels = volume.Labels ?? {};
  const usage = volume.UsageData;
  return {
    Driver: volume.Driver,
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    Links: usage === undefined ? 'N/A' : String(usage.RefCount),
    Mountpoint: volume.Mountpoint,
    Name: volume.Name,
    Scope: volume.Scope,
    Size: usage === undefined ? 'N/A' : humanSize(usage.Size),
    Label: (key: string) => labels[key] ?? '',
  };
}
