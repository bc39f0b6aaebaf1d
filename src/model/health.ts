/** What the probes of an instance say. One that is not running, or has no healthcheck, has no opinion of its own. */
export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The last ones, the oldest first. */
  readonly log: readonly HealthProbe[];
}

/** One probe that has ended. Times in milliseconds since the epoch. */
export interface HealthProbe {
  readonly start: number;
  readonly end: number;
  /** 0 is healthy; -1 where it did not end in time or could not be run. */
  readonly exitCode: number;
  /** The beginning of what it wrote. */
  readonly output: string;
}
