import type { Image } from '../../model/image.ts';
import type { EventBus } from '../events.ts';

export type ImageAction = 'delete' | 'import' | 'load' | 'pull' | 'push' | 'save' | 'tag' | 'untag';

/** Says what happened to an image, as Docker does: with its labels, and the name that was used. */
export function publishImage(
  events: EventBus,
  action: ImageAction,
  image: Image,
  { id = image.id, name = image.id }: { readonly id?: string; readonly name?: string } = {},
): void {
  events.publish('image', action, id, { ...image.config.config?.Labels, name });
}
