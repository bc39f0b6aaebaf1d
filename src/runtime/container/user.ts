import { HullError } from '../../model/errors.ts';

/** The account files of a container; empty where it has none. */
export interface AccountFiles {
  /** /etc/passwd */
  readonly passwd: string;
  /** /etc/group */
  readonly group: string;
}

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, sorted. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** Largest id that the kernel takes (2^32 - 1 means "unchanged"). */
const MAX_ID = 0xffff_fffe;

/**
 * Resolves `user`, `uid`, `user:group` or `uid:gid` by the container's own files, by Docker's rules: an unknown number is taken as it is, an
 * unknown name is refused, supplementary groups come from /etc/group unless a group is given.
 */
export function resolveUser(text: string, files: AccountFiles): ResolvedUser {
  const [userPart, groupPart] = splitOnce(text === '' ? '0' : text);
  const user = userPart === '' ? '0' : userPart;
  const accounts = rows(files.passwd, 7);
  const account = accounts.find(([name]) => name === user) ?? accounts.find(([, , uid]) => uid === user);
  const uid = account === undefined ? numericId(user, 'user', 'passwd') : Number(account[2]);
  const known = rows(files.group, 4);
  if (groupPart !== undefined && groupPart !== '') {
    const group = known.find(([name]) => name === groupPart) ?? known.find(([, , gid]) => gid === groupPart);
    const gid = group === undefined ? numericId(groupPart, 'group', 'group') : Number(group[2]);
    return { uid, gid, groups: [], home: account?.[5] || '/' };
  }
  const name = account?.[0];
  const groups = known
    .filter(([, , , members = '']) => name !== undefined && members.split(',').includes(name))
    .map(([, , gid]) => Number(gid));
  return {
    uid,
    gid: account === undefined ? 0 : Number(account[3]),
    groups: [...new Set(groups)].toSorted((a, b) => a - b),
    home: account?.[5] || (uid === 0 ? '/root' : '/'),
  };
}

/** Ids of further groups, by name or number. An unknown name is refused. */
export function resolveGroups(groups: readonly string[], files: Pick<AccountFiles, 'group'>): number[] {
  const known = rows(files.group, 4);
  return groups.map((group) => {
    const found = known.find(([name]) => name === group);
    return found === undefined ? numericId(group, 'group', 'group') : Number(found[2]);
  });
}

/** Lines of a passwd(5) or group(5) file whose ids are numbers in range; the rest is left out, as the C library does. */
function rows(text: string, fields: number): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(
      (row) =>
        row.length >= fields - 1 &&
        row[0] !== '' &&
        isId(row[2] ?? '') &&
        (fields === 4 || isId(row[3] ?? '')),
    );
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= MAX_ID;
}

function numericId(text: string, what: string, file: string): number {
  if (isId(text)) return Number(text);
  if (/^\d+$/.test(text))
    throw new HullError('start-failed', `uids and gids must be in range 0-${MAX_ID}`, {
      details: { exitCode: 126 },
    });
  throw new HullError('start-failed', `unable to find ${what} ${text}: no matching entries in ${file} file`, {
    details: { exitCode: 126 },
  });
}

function splitOnce(text: string): [string, string?] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
}
