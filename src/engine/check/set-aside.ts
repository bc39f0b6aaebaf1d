import { messageOf } from '../../model/errors.ts';
import type { SetAsideEntry, SetAsideStore } from '../../storage/storage.ts';
import type { CheckFinding } from '../api.ts';

/** What recovery moved away, one finding each: nothing to be repaired, but it takes space until somebody says that it may go. */
export async function examineSetAside(
  store: SetAsideStore,
  discard: boolean,
): Promise<readonly CheckFinding[]> {
  return await Promise.all(store.list().map((entry) => finding(store, entry, discard)));
}

async function finding(store: SetAsideStore, entry: SetAsideEntry, discard: boolean): Promise<CheckFinding> {
  const base = { problem: 'set-aside', kind: entry.kind, what: entry.path, owner: null } as const;
  if (!discard)
    return { ...base, repaired: false, note: 'no record accounted for it; hull check --discard deletes it' };
  try {
    await store.discard(entry);
    return { ...base, repaired: true, note: 'deleted' };
  } catch (error) {
    return { ...base, repaired: false, note: `cannot be deleted: ${messageOf(error)}` };
  }
}
