import { watchLoop } from '../../src/host/loop-watch.ts';

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
    if (this.#found.length > 0)
      throw new Error(`the event loop stood still: ${this.#found.join(', ')} ms of CPU time`);
  }
}
