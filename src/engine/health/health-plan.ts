import type { Health, HealthProbe } from '../../model/health.ts';
import type { Healthcheck } from '../../model/image.ts';

/** Docker's defaults, milliseconds. */
const INTERVAL = 30_000;
const TIMEOUT = 30_000;
const START_INTERVAL = 5000;
const RETRIES = 3;
/** Probes that are remembered, and characters of each one's output. */
const KEPT = 5;
export const MAX_OUTPUT = 4096;

/** A healthcheck with everything filled in; durations in milliseconds. */
export interface HealthPlan {
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** Null where there is nothing to probe with. `shell`: of the image, for `CMD-SHELL`. */
export function healthPlan(
  check: Healthcheck | undefined,
  shell: readonly string[] = ['/bin/sh', '-c'],
): HealthPlan | null {
  const [kind, ...words] = check?.Test ?? [];
  const command = kind === 'CMD' ? words : kind === 'CMD-SHELL' ? [...shell, words[0] ?? ''] : [];
  if (check === undefined || command.length === 0) return null;
  return {
    command,
    interval: milliseconds(check.Interval, INTERVAL),
    timeout: milliseconds(check.Timeout, TIMEOUT),
    startPeriod: milliseconds(check.StartPeriod, 0),
    startInterval: milliseconds(check.StartInterval, START_INTERVAL),
    retries: check.Retries === undefined || check.Retries <= 0 ? RETRIES : check.Retries,
  };
}

/** The health at the start of a run: what was probed before is remembered, as Docker does. */
export function startedHealth(check: Healthcheck | undefined, before: Health | null): Health | null {
  if (healthPlan(check) === null) return null;
  return { status: 'starting', failingStreak: 0, log: before?.log ?? [] };
}

/** After the run: nobody is healthy who does not run. */
export function closedHealth(health: Health | null): Health | null {
  return health === null ? null : { ...health, status: 'unhealthy' };
}

/** What a probe makes of the health. `startedAt`: of the run. Failures of an instance that has never been healthy do not count in its start period. */
export function judge(health: Health, probe: HealthProbe, plan: HealthPlan, startedAt: number): Health {
  const log = [...health.log, probe].slice(-KEPT);
  if (probe.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const forgiven = health.status === 'starting' && probe.start - startedAt < plan.startPeriod;
  const failingStreak = health.failingStreak + (forgiven ? 0 : 1);
  const given = failingStreak >= plan.retries ? 'unhealthy' : health.status;
  return { status: forgiven ? health.status : given, failingStreak, log };
}

/** Milliseconds until the next probe. `lastEnd`: of the probe before in this run. */
export function nextProbeIn(
  plan: HealthPlan,
  { health, startedAt, lastEnd, now }: { health: Health; startedAt: number; lastEnd: number; now: number },
): number {
  const starts = health.status === 'starting' && now - startedAt < plan.startPeriod;
  const interval = starts ? plan.startInterval : plan.interval;
  return Math.max(0, lastEnd + interval - now);
}

/** Nanoseconds on the wire, 0 for the default. */
function milliseconds(nanoseconds: number | undefined, fallback: number): number {
  return nanoseconds === undefined || nanoseconds <= 0 ? fallback : nanoseconds / 1e6;
}
