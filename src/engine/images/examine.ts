import type { Image } from '../../model/image.ts';
import { familiarReference } from '../../model/reference.ts';
import type { CheckFinding } from '../api.ts';

export interface Examination {
  /** What is wrong with one image, a sentence each. */
  readonly validate: (image: Image) => Promise<readonly string[]>;
  /** Makes again what can be made; says what was done. Null: only look. */
  readonly repair: ((image: Image) => Promise<readonly string[]>) | null;
}

/** Damage of stored images: one finding for each repair and for each problem that is left. */
export async function examineImages(
  images: readonly Image[],
  { validate, repair }: Examination,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const image of images) {
    const problems = await validate(image);
    if (problems.length === 0) continue;
    const done = repair === null ? [] : await repair(image);
    findings.push(...done.map((note) => finding(image, true, note)));
    const advice =
      repair === null
        ? '`hull check --repair` makes again what it can'
        : 'it cannot be made from what is left: bootstrap or build the image again (without its cache), or remove it';
    const left = done.length === 0 ? problems : await validate(image);
    findings.push(...left.map((problem) => finding(image, false, `${problem}; ${advice}`)));
  }
  return findings;
}

function finding(image: Image, repaired: boolean, note: string): CheckFinding {
  const [name] = image.references;
  const what = name === undefined ? image.id : familiarReference(name);
  return { problem: 'corrupt', kind: 'image', what, owner: null, repaired, note };
}
