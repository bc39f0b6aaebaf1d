import { familiarReference, normalizeReference } from '../../model/reference.ts';
import type { EventBus } from '../events.ts';
import type { Registry } from '../instances/registry.ts';
import type { EngineParts } from '../parts.ts';
import { ArchiveService } from './archives.ts';
import { ImageService } from './images.ts';
import { TransferService } from './transfers.ts';

/** The use cases of images. */
export interface ImagesRoom {
  readonly images: ImageService;
  readonly transfers: TransferService;
  readonly archives: ArchiveService;
}

export function imagesRoom(
  parts: EngineParts,
  room: { readonly events: EventBus; readonly registry: Registry },
): ImagesRoom {
  const shared = { ...parts, ...room };
  const names = { normalize: normalizeReference, familiar: familiarReference };
  const images = new ImageService({ ...shared, ...names, store: parts.images });
  return {
    images,
    transfers: new TransferService({ ...shared, store: parts.images, making: images }),
    archives: new ArchiveService({ ...shared, making: images }),
  };
}
