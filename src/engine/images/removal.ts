import type { Image } from '../../model/image.ts';

export interface RemovalFacts {
  readonly image: Image;
  /** The full reference that the user named; null when the image was named by its id. */
  readonly reference: string | null;
  /** What the image is called in a refusal. */
  readonly shown: string;
  /** Instances of the image. */
  readonly users: readonly { readonly name: string; readonly running: boolean }[];
  readonly force: boolean;
}

export interface RemovalPlan {
  readonly untag: readonly string[];
  readonly remove: boolean;
}

/**
 * Docker's rules: naming a tag takes that tag away, and the image with its last one; naming the id takes everything, which several tags or an
 * instance prevent unless forced; a running instance always prevents it. Pure.
 */
export function planRemoval(facts: RemovalFacts): RemovalPlan | { readonly refusal: string } {
  const { image, reference, shown, users, force } = facts;
  const onlyTag = reference !== null && image.references.length > 1;
  if (onlyTag) return { untag: [reference], remove: false };
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    return {
      refusal: `conflict: unable to delete ${shown} (cannot be forced) - image is being used by running container ${running.name}; stop and remove it first`,
    };
  }
  if (!force && reference === null && image.references.length > 1) {
    return {
      refusal: `conflict: unable to delete ${shown} (must be forced) - image is referenced in multiple repositories`,
    };
  }
  const user = users[0];
  if (user !== undefined && !force) {
    return {
      refusal: `conflict: unable to delete ${shown} (must be forced) - image is being used by stopped container ${user.name}`,
    };
  }
  // The layers are the stopped instance's root: the image stays, without a name, until the instance is gone.
  if (user !== undefined) return { untag: image.references, remove: false };
  return { untag: image.references, remove: true };
}
