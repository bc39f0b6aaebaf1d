import { watchLoop } from '../../src/host/loop-watch.ts';

/** Milliseconds of CPU time that a turn of an event loop may take. */
export const STANDSTILL = 100;
/** What a collection of garbage, or a processor that another guest of the same host took, may cost a few times. */
const EXCUSED = { milliseconds: 400, times: 3 };

/**
 * Were turns of such lengths (milliseconds of CPU time, each over `STANDSTILL`) caused by what was done? A hostile input that holds the loop does
 * so for seconds, or each time.
 */
export function stoodStill(turns: readonly number[]): boolean {
  return turns.length > EXCUSED.times || turns.some((turn) => turn > EXCUSED.milliseconds);
}

/** For tests whose engine lives in the test's own process: as a watched `TestEngine`, but for all that the process does. */
export class StandstillWatch {
  readonly #found: number[] = [];
  readonly #end: () => void;

  /** `most`: milliseconds of CPU time. */
  constructor(most: number) {
    this.#end = watchLoop(most, (milliseconds) => void this.#found.push(milliseconds));
  }

  /** Ends the watch. Throws where the event loop stood still. */
  end(): void {
    this.#end();
    if (stoodStill(this.#found))
      throw new Error(`the event loop stood still: ${this.#found.join(', ')} ms of CPU time`);
  }
}
