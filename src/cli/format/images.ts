import type { ImageSummary } from '../../../api/docker.ts';
import type { Row } from './listing.ts';
import { ago, humanSize, localTime } from './units.ts';

/** Titles of everything that a row of `hull images` can show. */
export const IMAGE_TITLES = {
  Containers: 'CONTAINERS',
  CreatedAt: 'CREATED AT',
  CreatedSince: 'CREATED',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  SharedSize: 'SHARED SIZE',
  Size: 'SIZE',
  Tag: 'TAG',
  UniqueSize: 'UNIQUE SIZE',
  VirtualSize: 'VIRTUAL SIZE',
} as const;

const NONE = '<none>';

/** One row for each tag of an image (or one without), fields as docker prints them and in the alphabet's order. */
export function imageRows(
  image: ImageSummary,
  options: { truncate: boolean; digests: boolean; now?: number },
): Row[] {
  const digests = new Map((image.RepoDigests ?? []).map((reference) => split(reference, '@')));
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>').map((tag) => split(tag, ':'));
  const known = tags.length > 0 ? tags : [[[...digests.keys()][0] ?? NONE, NONE] as const];
  return known.map(([repository, tag]) => ({
    Containers: image.Containers >= 0 ? String(image.Containers) : 'N/A',
    // Computed when asked for: the first use of the local time zone costs 4 ms.
    get CreatedAt() {
      return localTime(image.Created * 1000);
    },
    CreatedSince: ago(image.Created * 1000, options.now),
    Digest: digests.get(repository) ?? NONE,
    ID: options.truncate ? image.Id.replace(/^sha256:/, '').slice(0, 12) : image.Id,
    Repository: repository,
    SharedSize: image.SharedSize >= 0 ? humanSize(image.SharedSize) : 'N/A',
    Size: humanSize(image.Size, 3),
    Tag: tag,
    UniqueSize: image.SharedSize >= 0 ? humanSize(image.Size - image.SharedSize) : 'N/A',
    VirtualSize: humanSize(image.Size),
  }));
}

/** At the last separator, as `host:5000/name:tag` needs. */
function split(reference: string, separator: string): readonly [string, string] {
  const at = reference.lastIndexOf(separator);
  return [reference.slice(0, at), reference.slice(at + 1)];
}
