import { closeSync, constants, readFileSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Ownership } from './layout.ts';

/**
 * `user`, `user:group`, names or numbers, as COPY --chown and USER have them; names are looked up in the stage's own files. A user's number
 * without a group means the group of the same number, as Docker has it.
 */
export function resolveOwner(host: Host, root: string, owner: string): Ownership {
  const [user = '', group] = owner.split(':');
  const account = lookUp(host, root, '/etc/passwd', user, owner);
  const uid = account.id;
  if (group !== undefined && group !== '')
    return { uid, gid: lookUp(host, root, '/etc/group', group, owner).id };
  return { uid, gid: account.group ?? uid };
}

function lookUp(
  host: Host,
  root: string,
  file: string,
  name: string,
  owner: string,
): { id: number; group: number | null } {
  if (/^\d+$/u.test(name) && Number(name) <= 0xffff_fffe) return { id: Number(name), group: null };
  if (name === 'root' || name === '') return { id: 0, group: 0 };
  for (const line of readLines(host, root, file)) {
    const [entry, , id, group] = line.split(':');
    if (entry === name && id !== undefined && /^\d+$/u.test(id)) {
      return {
        id: Number(id),
        group: file === '/etc/passwd' && group !== undefined && /^\d+$/u.test(group) ? Number(group) : null,
      };
    }
  }
  throw new HullError(
    'invalid-argument',
    `cannot give files to "${owner}": the stage's ${file} has no "${name}"; add it, or use numbers`,
  );
}

function readLines(host: Host, root: string, file: string): string[] {
  let descriptor: number;
  try {
    descriptor = host.files.openInRoot(root, file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isHullError(error, 'path-not-found')) return [];
    throw error;
  }
  try {
    return readFileSync(descriptor, 'utf8').split('\n');
  } finally {
    closeSync(descriptor);
  }
}
