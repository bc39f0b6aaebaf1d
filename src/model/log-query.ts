/** What of a log is wanted. */
export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Lines from the end; null for all. */
  readonly tail: number | null;
  /** Milliseconds since the epoch (fractions allowed). */
  readonly since: number | null;
  readonly until: number | null;
}
