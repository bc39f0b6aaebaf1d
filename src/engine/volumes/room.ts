import type { EventBus } from '../events.ts';
import type { Registry } from '../instances/registry.ts';
import type { EngineParts } from '../parts.ts';
import { AnnouncedVolumes } from './announced.ts';
import { VolumeUses } from './uses.ts';
import { VolumeService } from './volumes.ts';

/** Volumes: what others need of them, before there are instances. */
export interface VolumesRoom {
  readonly volumes: AnnouncedVolumes;
  readonly uses: VolumeUses;
}

export function volumesRoom(parts: EngineParts, events: EventBus): VolumesRoom {
  const volumes = new AnnouncedVolumes(parts.volumes, events);
  return { volumes, uses: new VolumeUses({ ...parts, volumes, events }) };
}

/** Their use cases. */
export function volumeService(
  parts: EngineParts,
  room: VolumesRoom & { readonly events: EventBus; readonly registry: Registry },
): VolumeService {
  return new VolumeService({ ...parts, ...room, instances: room.registry });
}
