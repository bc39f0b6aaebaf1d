import type { ContainerCreateRequest, HostConfig } from '../../../api/docker.ts';
import { RESTART_LABEL } from '../../model/labels.ts';
import { bool, integer, parsed, text, type Values } from '../flags/flag.ts';
import { UsageError } from '../usage-error.ts';
import { parseDuration } from '../values/time.ts';

const NANOSECONDS = 1_000_000;

/** Restart policy and healthcheck, of `hull create` and `hull run`. */
export const LIFECYCLE_FLAGS = {
  restart: parsed('When to start again: no, on-failure[:MAX], always or unless-stopped', parseRestart, {
    placeholder: 'policy',
    complete: ['no', 'on-failure', 'always', 'unless-stopped'],
  }),
  'restart-when-unhealthy': bool('Restart when the healthcheck says unhealthy'),
  'health-cmd': text('Command that tells whether the workload is healthy', { placeholder: 'COMMAND' }),
  'health-interval': duration('Time between probes (default 30s)'),
  'health-retries': integer('Failures in a row that make it unhealthy (default 3)'),
  'health-start-interval': duration('Time between probes in the start period (default 5s)'),
  'health-start-period': duration('Time to start in, in which failures do not count'),
  'health-timeout': duration('Time that one probe may take (default 30s)'),
  'no-healthcheck': bool('Take the image’s healthcheck away'),
} as const;

type LifecycleValues = Values<typeof LIFECYCLE_FLAGS>;

/** `Healthcheck` of the create request. Throws `UsageError`. */
export function healthcheckOf(values: LifecycleValues): Pick<ContainerCreateRequest, 'Healthcheck'> {
  const fields = {
    Test: values['health-cmd'] === undefined ? undefined : ['CMD-SHELL', values['health-cmd']],
    Interval: values['health-interval'],
    Timeout: values['health-timeout'],
    StartPeriod: values['health-start-period'],
    StartInterval: values['health-start-interval'],
    Retries: values['health-retries'],
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (values['no-healthcheck']) {
    if (given.length > 0) throw new UsageError('--no-healthcheck conflicts with --health-* flags');
    return { Healthcheck: { Test: ['NONE'] } };
  }
  return given.length === 0 ? {} : { Healthcheck: Object.fromEntries(given) };
}

/** The restart policy's part of `HostConfig`. */
export function restartPolicyOf(values: Pick<LifecycleValues, 'restart'>): Pick<HostConfig, 'RestartPolicy'> {
  return values.restart === undefined ? {} : { RestartPolicy: values.restart };
}

/** Labels that stand for flags. */
export function lifecycleLabels(values: LifecycleValues): Record<string, string> {
  return values['restart-when-unhealthy'] ? { [RESTART_LABEL]: 'true' } : {};
}

/** docker's words: `on-failure:5`. The engine judges the rest. */
export function parseRestart(value: string): { Name: string; MaximumRetryCount: number } {
  const [name = '', count, ...rest] = value.split(':');
  if (rest.length > 0 || (count !== undefined && !/^\d{1,9}$/.test(count)) || name === '')
    throw new Error("it must look like 'always' or 'on-failure:5'");
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

/** In nanoseconds, as the engine takes it. */
function duration(summary: string): ReturnType<typeof parsed<number>> {
  const parse = (value: string): number => {
    const milliseconds = parseDuration(value);
    if (milliseconds === null || milliseconds < 0)
      throw new Error("it must be a duration such as '10s' or '1m30s'");
    return Math.round(milliseconds * NANOSECONDS);
  };
  return parsed(summary, parse, { placeholder: 'duration' });
}
