/** One line of progress of a long operation; what a client prints. */
export interface Progress {
  /** Short name of the phase, e.g. `layer`, `step 3/7`. */
  readonly phase: string;
  readonly message: string;
  /** Bytes or items done, and in all, where known. */
  readonly current?: number;
  readonly total?: number;
}

/** Receives progress; must not throw. */
export type ProgressSink = (progress: Progress) => void;
