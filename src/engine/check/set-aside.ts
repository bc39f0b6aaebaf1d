import { messageOf } from '../../model/errors.ts';
import type { SetAsideEntry, SetAsideStore } from '../../storage/storage.ts';
import type { CheckFinding } from '../api.ts';

/** What recovery moved away, one finding each: nothing to be repaired, but it takes space until somebody says that it may go. */
export function examineSetAside(store: SetAsideStore, discard: boolean): readonly CheckFinding[] {
  return store.list().map((entry) => finding(store, entry, discard));
}

function finding(store: SetAsideStore, entry: SetAsideEntry, discard: boolean): CheckFinding {
  const base = { problem: 'set-aside', kind: entry.kind, what: entry.path, owner: null } as const;
  if (!discard)
    return { ...base, repaired: false, note: 'no record accounted for it; hull check --discard deletes it' };
  try {
    store.discard(entry);
    return { ...base, repaired: true, note: 'deleted' };
  } catch (error) {
    return { ...base, repaired: false, note: `cannot be deleted: ${messageOf(error)}` };
  }
}
