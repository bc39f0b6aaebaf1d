/** A difference from Docker's daemon that stays, and why. */
export interface KnownDifference {
  /** The request, as `METHOD /path` without query; `*` stands for any characters. */
  readonly request: string;
  /** Where in the answer: `status`, `type`, or a field such as `.HostConfig.Isolation`; `*` stands for any characters. */
  readonly place: string;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [];
