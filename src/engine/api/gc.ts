export type GcKind = 'container' | 'image' | 'volume' | 'build-cache';

/** What may be removed: nothing that is in use, and nothing with the label `hull.keep=true`. */
export interface GcPolicy {
  readonly kinds: readonly GcKind[];
  /** Milliseconds: younger ones stay. An instance's age counts from its end. */
  readonly olderThan: number;
  /** The youngest ones of each kind that stay in any case. */
  readonly keep: number;
  /** Bytes that all of the kinds may take together; only as much is removed, the oldest first. Null: all that may. */
  readonly maxBytes: number | null;
}

/** One removal. */
export interface GcAction {
  readonly kind: GcKind;
  /** Empty for the build cache as a whole. */
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}

export interface GcReport {
  readonly actions: readonly (GcAction & {
    readonly done: boolean;
    /** Why it was not done, else ''. */
    readonly note: string;
  })[];
  /** Of what was done, or would be. */
  readonly bytes: number;
}

/** A policy that the engine applies by itself. */
export interface GcSchedule {
  readonly policy: GcPolicy;
  /** Milliseconds. */
  readonly every: number;
}

/** Frees the disk of what nobody uses. */
export interface Gc {
  collect(policy: GcPolicy, options: { dryRun: boolean }): Promise<GcReport>;
  scheduled(): GcSchedule | null;
  /** Kept beyond the daemon's end; null: never again. */
  schedule(schedule: GcSchedule | null): Promise<void>;
}
