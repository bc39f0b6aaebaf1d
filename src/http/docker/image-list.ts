import type { ImageSummary } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import { Glob, GlobError } from '../../lib/glob.ts';
import { StepBudget } from '../../lib/step-budget.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { familiarName } from '../familiar-name.ts';
import type { Filters } from '../filters.ts';
import { createdTime, imageSummary } from './image-json.ts';
import { labelsMatch, untilTime } from './prune-filters.ts';

export const IMAGE_FILTERS = [
  'before',
  'dangling',
  'label',
  'label!',
  'reference',
  'since',
  'until',
] as const;

/** Of all patterns over all names of a list: 40 ms. */
const MOST_STEPS = 10_000_000;

export interface ListOptions {
  readonly filters: Filters;
  readonly withShared: boolean;
  readonly apiMinor: number;
}

/** The rows of GET /images/json, newest first. A `reference` filter leaves out the names that it does not match, too. Throws `image-not-found` for an unknown `before` or `since`. */
export async function imageRows(
  engine: EngineApi,
  { filters, withShared, apiMinor }: ListOptions,
): Promise<readonly ImageSummary[]> {
  const references = referenceGlobs(filters);
  const usage = await engine.images.usage();
  return filterImages(engine, filters)
    .map((image) => ({ image, names: shownNames(image, references) }))
    .filter(({ names }) => references === null || names.length > 0)
    .toSorted((a, b) => createdTime(b.image) - createdTime(a.image))
    .map(({ image, names }) =>
      imageSummary(image, { names, usage: usage.get(image.id) ?? null, withShared, apiMinor }),
    );
}

function filterImages(engine: EngineApi, filters: Filters): readonly Image[] {
  const limit = (name: string): number | undefined => {
    const [reference] = filters.get(name);
    return reference === undefined ? undefined : createdTime(engine.images.get(reference));
  };
  const before = limit('before') ?? Number.POSITIVE_INFINITY;
  const since = limit('since') ?? Number.NEGATIVE_INFINITY;
  const until = untilTime(filters);
  const dangling = filters.flag('dangling');
  return engine.images.list().filter((image) => {
    const created = createdTime(image);
    return (
      created < before &&
      created > since &&
      created <= until &&
      (dangling === undefined || dangling === (image.references.length === 0)) &&
      labelsMatch(filters, image.config.config?.Labels ?? {})
    );
  });
}

/** Names of an image as users know them: those with tags, then those with digests. */
function shownNames(image: Image, references: readonly Glob[] | null): readonly string[] {
  return [...image.references, ...(image.digests ?? [])]
    .map(familiarName)
    .filter((name) => references === null || references.some((glob) => matchesReference(name, glob)));
}

/** The shell patterns of the filter `reference`; null: there is none. Throws `invalid-argument`. */
function referenceGlobs(filters: Filters): readonly Glob[] | null {
  if (!filters.has('reference')) return null;
  const budget = new StepBudget('filter "reference"', MOST_STEPS);
  return filters.get('reference').map((pattern) => {
    try {
      return Glob.of(pattern, 'path', budget);
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      throw new HullError('invalid-argument', `filter "reference": "${pattern}" is not a pattern`, {
        cause: error,
      });
    }
  });
}

/** Over the familiar name, with and without tag, as Docker has it. */
function matchesReference(name: string, glob: Glob): boolean {
  const bare = name.replace(/@[^@]*$/, '').replace(/:[^:/]*$/, '');
  return glob.matches(name) || glob.matches(bare);
}
