import type { VolumeResource } from '../../api/docker.ts';
import type { Volume } from '../engine/api.ts';

/** How Docker marks volumes that nobody named. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** With Docker's mark, which older volumes lack. */
export function labelsOf(volume: Volume): Readonly<Record<string, string>> {
  return volume.anonymous ? { ...volume.labels, [ANONYMOUS_LABEL]: '' } : volume.labels;
}

/** A volume as clients know it. `usage`: for /system/df. */
export function volumeResource(volume: Volume, usage?: { size: number; users: number }): VolumeResource {
  const labels = labelsOf(volume);
  return {
    CreatedAt: `${new Date(volume.createdAt).toISOString().slice(0, 19)}Z`,
    Driver: 'local',
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: volume.path,
    Name: volume.name,
    Options: Object.keys(volume.options).length === 0 ? null : volume.options,
    Scope: 'local',
    ...(usage === undefined ? {} : { UsageData: { RefCount: usage.users, Size: usage.size } }),
  };
}
