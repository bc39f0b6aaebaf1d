/** One thing said of a pull, a push or a load, in the words that Docker's clients print. */
export interface TransferProgress {
  readonly status: string;
  /** A layer (the first digits of its digest), or a tag. */
  readonly id?: string;
  /** Bytes done, and in all where known. */
  readonly current?: number;
  readonly total?: number;
}

/** Receives progress; must not throw. */
export type TransferSink = (progress: TransferProgress) => void;
