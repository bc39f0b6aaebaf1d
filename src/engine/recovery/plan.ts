import type { InstanceRecord } from '../instances/record.ts';

/** What the new daemon does about one instance that the former one left. */
export type RecoveryAction =
  /** At rest: nothing to do. */
  | { readonly type: 'nothing'; readonly id: string }
  /** It may still run: ask its runtime and go on, or record how it ended. */
  | { readonly type: 'adopt'; readonly id: string }
  /** The host was started again since: the run is over, and nothing of it is left in the kernel. */
  | { readonly type: 'ended-with-host'; readonly id: string }
  /** A start, clean-up or removal was cut short: undo or finish it. */
  | { readonly type: 'interrupted'; readonly id: string };

/** Pure: from the records and the boot to the actions. */
export function planRecovery(records: readonly InstanceRecord[], bootId: string): RecoveryAction[] {
  return records.map((record) => ({ type: actionFor(record, bootId), id: record.config.id }));
}

function actionFor(record: InstanceRecord, bootId: string): RecoveryAction['type'] {
  switch (record.status.state) {
    case 'running':
    case 'paused':
    case 'stopping':
      return record.bootId === bootId ? 'adopt' : 'ended-with-host';
    case 'starting':
    case 'removing':
      return 'interrupted';
    // Whether it starts again is the restart policy's business, once all else is in order.
    case 'restarting':
    case 'created':
    case 'exited':
      // A lease that is still recorded means that the clean-up after the exit did not finish.
      return record.lease === null ? 'nothing' : 'interrupted';
  }
}
