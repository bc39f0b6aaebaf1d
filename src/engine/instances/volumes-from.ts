import { HullError, isHullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { MountRequest } from '../api.ts';

/**
 * The mounts of other instances (`ID[:ro|rw|z|Z]`), as if they had been asked for. What is asked for by itself at the same place wins, and so does
 * the later instance. Throws `invalid-argument` in Docker's words, and what `mountsOf` throws for an instance that there is not.
 */
export function inheritedMounts(
  specifications: readonly string[],
  own: readonly MountRequest[],
  mountsOf: (nameOrId: string) => readonly InstanceMount[],
): MountRequest[] {
  const found = new Map<string, MountRequest>();
  for (const text of specifications) {
    if (text === '') throw invalid('volumes-from specification cannot be an empty string');
    const colon = text.indexOf(':');
    const name = colon < 0 ? text : text.slice(0, colon);
    const modes = colon < 0 ? [] : text.slice(colon + 1).split(',');
    if (!modes.every((mode) => ['ro', 'rw', 'z', 'Z'].includes(mode)))
      throw invalid(`invalid mode: ${text.slice(colon + 1)}`);
    for (const mount of known(name, mountsOf)) {
      found.set(mount.target, asRequest(mount, modes.includes('ro')));
    }
  }
  for (const { target } of own) found.delete(target);
  return [...found.values()];
}

/** The client's fault, not an image's that is missing: docker's client would look for that one elsewhere. */
function known(
  name: string,
  mountsOf: (nameOrId: string) => readonly InstanceMount[],
): readonly InstanceMount[] {
  try {
    return mountsOf(name);
  } catch (error) {
    throw isHullError(error, 'instance-not-found') ? invalid(`No such container: ${name}`) : error;
  }
}

function asRequest(mount: InstanceMount, readOnly: boolean): MountRequest {
  const { type, target, options, mode, subpath } = mount;
  return {
    type,
    source: type === 'volume' ? (mount.volume ?? '') : mount.source,
    target,
    readOnly: readOnly || mount.readOnly,
    options,
    ...(mode === undefined ? {} : { mode }),
    ...(subpath === undefined ? {} : { subpath }),
    ...(type === 'volume' ? { noCopy: true } : {}),
  };
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
