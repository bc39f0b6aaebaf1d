import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HullError } from '../model/errors.ts';

const DEADLINE = 10_000;

/** How one group is frozen: the v1 freezer's one file, or v2's two. */
export interface Freezer {
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** The file that says whether all processes have stopped, and what it then says. */
  readonly witness: string;
  readonly done: RegExp;
}

/** `folder`: the group's own, in the freezer's hierarchy (v1) or the only one (v2). */
export function freezerOf(folder: string, layout: 'v1' | 'v2'): Freezer {
  if (layout === 'v2') {
    const witness = `${folder}/cgroup.events`;
    return { file: `${folder}/cgroup.freeze`, frozen: '1', thawed: '0', witness, done: /^frozen 1$/m };
  }
  const file = `${folder}/freezer.state`;
  return { file, frozen: 'FROZEN', thawed: 'THAWED', witness: file, done: /^FROZEN$/m };
}

/** Resolves when every process has stopped. Thaws again and rejects with `command-failed` when one does not within ten seconds. */
export async function freeze(freezer: Freezer): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  for (let attempt = 1; ; attempt += 1) {
    writeFileSync(freezer.file, freezer.frozen);
    if (isFrozen(freezer)) return;
    if (Date.now() > deadline) {
      thaw(freezer);
      throw new HullError('command-failed', 'the instance cannot be paused: a process does not stop');
    }
    // On v1 a process that forks or executes a program meanwhile can keep a group in FREEZING for good: only letting it go on helps.
    if (attempt % 10 === 0) thaw(freezer);
    await sleep(Math.min(attempt, 10));
  }
}

/** Fine when it is not frozen. */
export function thaw(freezer: Freezer): void {
  writeFileSync(freezer.file, freezer.thawed);
}

/** False also where there is no such group. */
export function isFrozen(freezer: Freezer): boolean {
  try {
    return freezer.done.test(readFileSync(freezer.witness, 'utf8'));
  } catch {
    return false;
  }
}
