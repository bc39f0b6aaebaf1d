import type { ExitStatus } from '../../model/instance.ts';
import { printable } from './printable.ts';
import { isRecord } from './qmp.ts';

/** What QEMU has said of a VM, from its events and states (qemu-qmp-ref: "run-state", "block-core"). */
export interface VmCondition {
  /** Its CPUs are stopped since the host could not do what a disk needs: it goes on when the host can again. */
  readonly stalled: boolean;
  /** What is wrong, for the user; null: nothing. */
  readonly trouble: string | null;
  /** The guest's kernel said that it panicked. */
  readonly panicked: boolean;
  /** QEMU's reason of the VM's end (`guest-shutdown`, `guest-reset`, `host-signal`, …); null: it has not said that it ends. */
  readonly ended: string | null;
}

export const SOUND: VmCondition = { stalled: false, trouble: null, panicked: false, ended: null };

const REASON_MAX = 200;
const NO_SPACE = 'the host’s disk is full: the VM stands still until there is room for what it writes';

/** What comes of an event; the same object where nothing does. Pure. `data` is the hypervisor's: nothing in it is taken on trust. */
export function afterEvent(condition: VmCondition, name: string, data: unknown): VmCondition {
  const facts = isRecord(data) ? data : {};
  switch (name) {
    case 'BLOCK_IO_ERROR':
      return afterBlockError(condition, facts);
    case 'RESUME':
      return condition.stalled ? { ...condition, stalled: false, trouble: null } : condition;
    case 'GUEST_PANICKED':
      return { ...condition, panicked: true };
    case 'SHUTDOWN':
      return { ...condition, ended: textOf(facts['reason']) || 'unknown' };
    default:
      return condition;
  }
}

/** The first error of a row counts: those that follow are of requests that were under way. */
function afterBlockError(condition: VmCondition, facts: Readonly<Record<string, unknown>>): VmCondition {
  const action = facts['action'];
  if (action !== 'stop' && action !== 'report') return condition;
  if (condition.stalled) return condition;
  const operation = facts['operation'] === 'read' ? 'read' : 'write';
  const reason = textOf(facts['reason']) || 'input/output error';
  const failed = `the host cannot ${operation} the VM’s disk: ${reason}`;
  if (action === 'report') return { ...condition, trouble: failed };
  return { ...condition, stalled: true, trouble: facts['nospace'] === true ? NO_SPACE : failed };
}

/** What the answer to `query-status` says to one who was not there when it happened. Pure. */
export function afterStatus(condition: VmCondition, answer: unknown): VmCondition {
  const status = isRecord(answer) ? answer['status'] : null;
  if (status === 'guest-panicked') return { ...condition, panicked: true };
  if (status === 'io-error')
    return { ...condition, stalled: true, trouble: condition.trouble ?? `${NO_SPACE}, or for what it reads` };
  return condition.stalled ? { ...condition, stalled: false, trouble: null } : condition;
}

/** Milliseconds until the next try to let a stalled VM go on. Pure. `tries`: how often it was tried in vain. */
export function retryDelay(tries: number): number {
  return Math.min(500 * 2 ** tries, 15_000);
}

/** Exit status of an instance whose kernel panicked: no workload ends with it by a signal. */
const PANICKED = 255;
/** Exit status of one that was killed. */
export const KILLED = 137;

/** Characters of a kernel's last messages in which its panic is found: a call trace comes after. */
export const PANIC_WORDS = 16_000;
/** Of these as many are told. */
const TOLD_WORDS = 500;

/** How an ended VM ended. */
export interface EndFacts {
  readonly layout: 'layered' | 'machine';
  readonly condition: VmCondition;
  /** Of a guest with an agent. */
  readonly record: ExitStatus | null;
  /** This engine ended it. */
  readonly killed: boolean;
  /** What kernel and QEMU said last. */
  readonly lastWords: string;
  readonly now: number;
}

/** The exit status of a VM that has ended. Pure. A machine that powers off, or is rebooted, has ended well; whoever has no word of its end has not. */
export function endOf({ layout, condition, record, killed, lastWords, now }: EndFacts): ExitStatus {
  if (record !== null) return record;
  const end = (code: number, error?: string): ExitStatus => ({
    ...{ code, oomKilled: false, finishedAt: now },
    ...(error === undefined ? {} : { error }),
  });
  const panic = /Kernel panic - not syncing[^[]{0,160}/.exec(lastWords)?.[0].trim();
  if (killed) return end(KILLED);
  if (condition.panicked || panic !== undefined)
    return end(PANICKED, `the guest’s kernel panicked${panic === undefined ? '' : `: ${panic}`}`);
  const guests = condition.ended === 'guest-shutdown' || condition.ended === 'guest-reset';
  if (layout === 'machine' && guests) return end(0);
  const why = condition.ended === null ? 'its process was killed or crashed' : `QEMU says ${condition.ended}`;
  return end(KILLED, `the VM ended without an exit status: ${why}. ${lastWords.slice(-TOLD_WORDS)}`.trim());
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? printable(value.slice(0, REASON_MAX)).trim() : '';
}
