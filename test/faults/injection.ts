import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { FaultPlan } from '../../src/host/faults.ts';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** Milliseconds without a call after which nothing goes on any more. */
const QUIET = 60;

/** An engine whose calls of the host fail as a test wants, while its daemon runs. */
export class FaultyEngine extends TestEngine {
  #serial = 0;

  constructor() {
    super({ faults: true });
  }

  /** From the next call on. */
  inject(change: Partial<FaultPlan>): void {
    this.#serial += 1;
    const plan = { call: 0, times: 1, errno: 'EMFILE', when: 'before', ...change, serial: this.#serial };
    writeFileSync(`${this.faultPlan}.new`, JSON.stringify(plan));
    renameSync(`${this.faultPlan}.new`, this.faultPlan);
  }

  /** What was called since the last `inject`, when nothing more comes. */
  async calls(): Promise<readonly string[]> {
    let before = -1;
    let found: readonly string[] = [];
    while (found.length !== before) {
      before = found.length;
      await Bun.sleep(QUIET);
      found = this.#called();
    }
    return found;
  }

  /** Leaves nothing behind, at once or when it was tried again. */
  async findsNothing(): Promise<void> {
    let found = '';
    const clean = async (): Promise<true | null> => ((found = await this.findings()) === '' ? true : null);
    await until('nothing left behind', clean, 20_000).catch(() => {
      throw new Error(`left behind: ${found}`);
    });
  }

  #called(): readonly string[] {
    const path = `${this.faultPlan}.calls`;
    if (!existsSync(path)) return [];
    const mine = `${this.#serial} `;
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(mine))
      .map((line) => line.split(' ').slice(2).join(' '));
  }
}
