import type { Image } from '../../model/image.ts';
import { formatReference, parseReference } from '../../model/reference.ts';

export interface RemovalFacts {
  readonly image: Image;
  /** The full reference that the user named; null when the image was named by its id. */
  readonly reference: string | null;
  /** As the user wrote it. */
  readonly shown: string;
  /** Instances of the image. */
  readonly users: readonly { readonly id: string; readonly running: boolean }[];
  readonly force: boolean;
}

export interface RemovalPlan {
  readonly untag: readonly string[];
  readonly remove: boolean;
}

type Outcome = RemovalPlan | { readonly refusal: string };

/**
 * Docker's rules (moby, daemon/images/image_delete.go). Naming a reference takes it away, with the digests of a repository that loses its last
 * tag, and the image with its last reference; naming the id takes everything, which several repositories or an instance prevent unless forced. A
 * running instance always keeps the image itself. Pure.
 */
export function planRemoval(facts: RemovalFacts): Outcome {
  const { image, reference } = facts;
  const all = [...image.references, ...(image.digests ?? [])];
  return reference === null ? byId(facts, all) : byReference(facts, reference, all);
}

function byReference(
  { image, shown, users, force }: RemovalFacts,
  reference: string,
  all: readonly string[],
): Outcome {
  const [user] = users;
  if (!force && user !== undefined && isSingle(all)) {
    return {
      refusal: `conflict: unable to remove repository reference ${JSON.stringify(shown)} (must force) - container ${short(user.id)} is using its referenced image ${shortDigest(image)}`,
    };
  }
  const rest = all.filter((one) => one !== reference);
  const lastTag =
    !isDigest(reference) &&
    !rest.some((one) => !isDigest(one) && repositoryOf(one) === repositoryOf(reference));
  const along = lastTag ? rest.filter((one) => repositoryOf(one) === repositoryOf(reference)) : [];
  const untag = [reference, ...along];
  // Without its name, the image of an instance stays until the instance is gone: its layers are the instance's root.
  return { untag, remove: untag.length === all.length && users.length === 0 };
}

function byId({ image, users, force }: RemovalFacts, all: readonly string[]): Outcome {
  const running = users.find((user) => user.running);
  const refuse = (how: string, why: string): Outcome => ({
    refusal: `conflict: unable to delete ${shortDigest(image)} (${how}) - ${why}`,
  });
  if (running !== undefined)
    return refuse('cannot be forced', `image is being used by running container ${short(running.id)}`);
  if (!force && !isSingle(all))
    return refuse('must be forced', 'image is referenced in multiple repositories');
  const [stopped] = users;
  if (!force && stopped !== undefined)
    return refuse('must be forced', `image is being used by stopped container ${short(stopped.id)}`);
  return { untag: all, remove: users.length === 0 };
}

/** At most one tag, and digests of its repository alone. */
function isSingle(all: readonly string[]): boolean {
  const tags = all.filter((one) => !isDigest(one));
  return all.length <= 1 || (tags.length <= 1 && new Set(all.map(repositoryOf)).size === 1);
}

const isDigest = (reference: string): boolean => reference.includes('@');
const repositoryOf = (reference: string): string =>
  formatReference({ ...parseReference(reference), tag: null, digest: null });
const short = (id: string): string => id.slice(0, 12);
const shortDigest = ({ id }: Image): string => short(id.slice('sha256:'.length));
