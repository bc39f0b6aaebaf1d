import {
  fitsPlatform,
  hostPlatform,
  parsePlatform,
  platformText,
  type Platform,
} from '../../images/platform.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';

/**
 * Docker's rule: an image of another platform than was asked for is none (its clients then pull the right one); where nothing was asked for, it is
 * told. Returns warnings. Throws `image-not-found`, and `invalid-argument` for what is no platform.
 */
export function checkPlatform(image: Image, reference: string, asked: string | undefined): readonly string[] {
  const { os, architecture, variant } = image.config;
  const its: Platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  if (asked === undefined || asked === '') {
    const host = hostPlatform();
    if (fitsPlatform(its, host)) return [];
    return [
      `The requested image's platform (${platformText(its)}) does not match the detected host platform (${platformText(host)}) and no specific platform was requested`,
    ];
  }
  const wanted = parsePlatform(asked);
  if (fitsPlatform(its, wanted)) return [];
  throw new HullError(
    'image-not-found',
    `image with reference ${reference} was found but its platform (${platformText(its)}) does not match the specified platform (${platformText(wanted)})`,
  );
}
