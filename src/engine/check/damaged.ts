import type { DamagedInstance } from '../instances/damaged.ts';
import type { CheckFinding } from '../api.ts';
import type { Leftover } from '../../model/leftover.ts';
import { byRank } from './rank.ts';
import { runFolders } from './run-folders.ts';
import type { LeakParts } from './leaks.ts';

/** A row of the database that cannot be understood. */
export interface DamagedRow {
  readonly kind: string;
  readonly what: string;
  /** What is wrong with it, in one line. */
  readonly fault: string;
  /** How to be rid of it, for people. */
  readonly advice: string;
  /** Makes the row again from what lies on the disk; null where it cannot be made. Resolves to what was done, and rejects. */
  readonly repair: (() => Promise<string>) | null;
}

/** One finding for each damaged row: the thing that it is about is out of use, all others go on. */
export async function examineRows(
  rows: readonly DamagedRow[],
  repair: boolean,
): Promise<readonly CheckFinding[]> {
  return await Promise.all(rows.map((row) => finding(row, repair)));
}

/** As rows, for `examineRows`. */
export function damagedInstances(damaged: readonly DamagedInstance[]): readonly DamagedRow[] {
  return damaged.map(({ name, fault }) => ({
    kind: 'instance',
    what: name,
    fault,
    advice: `hull rm -f ${name} ends what runs of it and sets its files aside`,
    repair: null,
  }));
}

/** Ends whatever runs of an instance that has no readable record, unmounts its root and sets its files aside. The row is the caller's. */
export async function removeRemains(
  parts: Pick<LeakParts, 'host' | 'identity' | 'network' | 'roots' | 'runtimes' | 'registry'>,
  id: string,
): Promise<void> {
  const { network, roots, runtimes, registry } = parts;
  const known = registry.ids();
  known.delete(id);
  const inventories = await Promise.all([
    ...Object.values(runtimes).map((runtime) => runtime.inventory()),
    network.inventory(),
    roots.inventory(known),
  ]);
  const all = [...inventories.flat(), ...runFolders(parts.host, parts.identity)];
  const own = all.filter(({ owner }) => owner !== null && id.startsWith(owner.slice(0, 12)));
  for (const leftover of byRank(unique(own))) await leftover.remove();
}

/** Two runtimes may find the same thing. */
function unique(leftovers: readonly Leftover[]): readonly Leftover[] {
  return [...new Map(leftovers.map((leftover) => [`${leftover.kind} ${leftover.what}`, leftover])).values()];
}

async function finding(row: DamagedRow, wanted: boolean): Promise<CheckFinding> {
  const { kind, what, fault, advice, repair } = row;
  const base = { problem: 'corrupt', kind, what, owner: null } as const;
  const damage = `its record is damaged (${fault})`;
  if (repair === null) return { ...base, repaired: false, note: `${damage}; ${advice}` };
  if (!wanted) return { ...base, repaired: false, note: `${damage}; hull check --repair makes it again` };
  try {
    return { ...base, repaired: true, note: await repair() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...base, repaired: false, note: `${damage}, and cannot be made again (${why}); ${advice}` };
  }
}
