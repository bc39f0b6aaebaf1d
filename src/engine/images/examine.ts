import type { Image } from '../../model/image.ts';
import type { CheckFinding } from '../api.ts';

/** Damage of stored images, one finding a problem. `validate` says what is wrong with one image, a sentence each. */
export async function examineImages(
  images: readonly Image[],
  validate: (image: Image) => Promise<readonly string[]>,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const image of images) {
    for (const problem of await validate(image)) {
      findings.push({
        problem: 'corrupt',
        kind: 'image',
        what: image.references[0] ?? image.id,
        owner: null,
        repaired: false,
        note: `${problem}; build or bootstrap it again, then remove this one`,
      });
    }
  }
  return findings;
}
