import { HullError, isHullError, messageOf } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { BuildPlan } from './graph/plan.ts';
import type { ImageLookup } from './graph/plan.ts';

export interface BaseImages {
  readonly find: ImageLookup;
  /** Brings an image here; absent: only images that are here are used. */
  readonly fetch?: ((reference: string) => Promise<Image>) | undefined;
  /** Fetch those that are here, too: they may be newer elsewhere. */
  readonly always: boolean;
}

/** Plans, and fetches what FROM and `COPY --from` name and is not here, one after the other, until the plan is complete. */
export async function planWithImages(
  plan: (lookup: ImageLookup) => BuildPlan,
  images: BaseImages,
): Promise<BuildPlan> {
  const { find, fetch, always } = images;
  const fetched = new Map<string, Image>();
  for (;;) {
    const missing: string[] = [];
    const lookup: ImageLookup = (reference) => {
      const image = fetched.get(reference) ?? (always && fetch !== undefined ? null : find(reference));
      if (image === null) missing.push(reference);
      return image;
    };
    try {
      return plan(lookup);
    } catch (error) {
      const [reference] = missing;
      if (reference === undefined || fetch === undefined || !isHullError(error, 'image-not-found'))
        throw error;
      fetched.set(reference, await fetchFor(error, () => fetch(reference)));
    }
  }
}

/** The place in the blueprint that names the image, and why it cannot be had. */
async function fetchFor(place: HullError, fetch: () => Promise<Image>): Promise<Image> {
  try {
    return await fetch();
  } catch (error) {
    if (!(error instanceof HullError)) throw error;
    const [first = '', ...rest] = place.message.split('\n');
    const message = [`${first}; it cannot be pulled either: ${messageOf(error)}`, ...rest].join('\n');
    throw new HullError(error.code, message, { cause: error, details: place.details });
  }
}
