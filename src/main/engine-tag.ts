import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HullError } from '../model/errors.ts';

/** One file for each tag that an engine of this host uses, with that engine's data folder in it. Gone after a boot, as the kernel objects are. */
const TAGS = '/run/hull-tags';
const TRIES = 100;

export interface TagRequest {
  readonly data: string;
  /** The tag that the engine had last. */
  readonly last: string | undefined;
  /** Things of the engine's may be on the host by that tag. */
  readonly bound: boolean;
}

/**
 * Takes a tag that no other engine of this host has: the one that it had, or the first free one of those that follow from the data folder's path. Two engines
 * with one tag would take each other's control groups, links and rules for their own. Throws `engine-mismatch` when the tag that it is bound to is another's.
 */
export function claimTag({ data, last, bound }: TagRequest, folder = TAGS): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let attempt = last === undefined ? 0 : -1; attempt < TRIES; attempt++) {
    const tag = attempt < 0 && last !== undefined ? last : tagOf(data, attempt);
    const owner = ownerOf(join(folder, tag), data);
    if (owner === data) return tag;
    if (bound && tag === last)
      throw new HullError(
        'engine-mismatch',
        `the engine of ${owner} uses the tag ${tag} of the engine of ${data}, whose instances may be running; end that one by \`hull shutdown --stop\``,
      );
  }
  throw new HullError('engine-mismatch', `no tag is free for the engine of ${data}: see ${folder}`);
}

/** Nothing on the host has the tag any more. */
export function releaseTag(tag: string, folder = TAGS): void {
  rmSync(join(folder, tag), { force: true });
}

/** The first one is all that older versions had. */
export function tagOf(data: string, attempt = 0): string {
  const text = attempt === 0 ? data : `${data}\0${attempt}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 4);
}

/** Whose a tag is: `data`'s when nobody had it. */
function ownerOf(path: string, data: string): string {
  try {
    writeFileSync(path, `${data}\n`, { flag: 'wx', mode: 0o600 });
    return data;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8').trimEnd();
  }
}
