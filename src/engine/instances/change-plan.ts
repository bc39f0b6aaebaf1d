import { HullError } from '../../model/errors.ts';
import type { InstanceConfig, InstanceMount, PortBinding } from '../../model/instance.ts';
import type { Resources } from '../../model/resources.ts';
import type { InstanceChange, LimitChange } from '../api.ts';

/** The limits after a change, by Docker's rules and in its words (moby, container/container_unix.go). Pure. Throws `wrong-state` for conflicts. */
export function mergeResources(now: Resources, change: Resources): Resources {
  for (const [given, held, message] of [
    ['nanoCpus', 'cpuPeriod', 'Nano CPUs cannot be updated as CPU Period has already been set'],
    ['nanoCpus', 'cpuQuota', 'Nano CPUs cannot be updated as CPU Quota has already been set'],
    ['cpuPeriod', 'nanoCpus', 'CPU Period cannot be updated as NanoCPUs has already been set'],
    ['cpuQuota', 'nanoCpus', 'CPU Quota cannot be updated as NanoCPUs has already been set'],
  ] as const)
    if ((change[given] ?? 0) > 0 && (now[held] ?? 0) > 0) throw conflict(`Conflicting options: ${message}`);
  const { memory, memorySwap } = change;
  const swapNow = now.memorySwap ?? -1;
  if (memory !== undefined && memorySwap === undefined && swapNow !== -1 && memory > swapNow)
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  const merged: Resources = { ...now, ...change };
  if ((merged.pidsLimit ?? 0) > 0) return merged;
  const { pidsLimit: _none, ...unlimited } = merged;
  return unlimited;
}

/** Limits and policy changed. Pure. */
export function withLimits(config: InstanceConfig, change: LimitChange): InstanceConfig {
  const policy = change.restartPolicy;
  if (policy !== undefined && policy.name !== 'no' && config.autoRemove)
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  return {
    ...config,
    resources: mergeResources(config.resources, change.resources),
    ...(policy === undefined ? {} : { restartPolicy: policy }),
  };
}

/** Everything changed. `mounts`: what `change.mounts` came to. Pure. */
export function withChange(
  config: InstanceConfig,
  change: InstanceChange,
  mounts: readonly InstanceMount[],
): InstanceConfig {
  const replaced = new Set([...mounts.map(({ target }) => target), ...change.unmount]);
  const missing = change.unmount.find((target) => !config.mounts.some((mount) => mount.target === target));
  if (missing !== undefined) throw invalid(`nothing is mounted at ${missing}`);
  return {
    ...withLimits(config, change),
    process: { ...config.process, env: mergeVariables(config.process.env, change.env) },
    labels: Object.fromEntries(
      mergeVariables(
        Object.entries(config.labels).map(([name, value]) => `${name}=${value}`),
        change.labels,
      ).map((entry) => [nameOf(entry), entry.slice(nameOf(entry).length + 1)]),
    ),
    ports: mergePorts(config, change),
    mounts: [...config.mounts.filter(({ target }) => !replaced.has(target)), ...mounts],
  };
}

/** Later ones win by name and keep the earlier one's place; a bare name takes it away. */
function mergeVariables(now: readonly string[], change: readonly string[]): string[] {
  const merged = new Map(now.map((entry) => [nameOf(entry), entry]));
  for (const entry of change) {
    if (nameOf(entry) === '') throw invalid(`'${entry}' has no name`);
    if (entry.includes('=')) merged.set(nameOf(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

/** A port that is published anew goes nowhere else any more. */
function mergePorts({ ports }: InstanceConfig, { publish, unpublish }: InstanceChange): PortBinding[] {
  const unknown = unpublish.find(
    (port) => !ports.some((binding) => portText(binding) === withProtocol(port)),
  );
  if (unknown !== undefined) throw invalid(`the port ${unknown} is not published`);
  const gone = new Set([...unpublish.map(withProtocol), ...publish.map(portText)]);
  return [...ports.filter((binding) => !gone.has(portText(binding))), ...publish];
}

function portText({ containerPort, protocol }: PortBinding): string {
  return `${containerPort}/${protocol}`;
}

function withProtocol(port: string): string {
  return port.includes('/') ? port : `${port}/tcp`;
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

/** What of a run a change touches. */
export interface Touched {
  readonly ports: boolean;
  readonly resources: boolean;
  /** What only a new run can have. */
  readonly run: boolean;
}

/** Pure. */
export function touched(before: InstanceConfig, after: InstanceConfig): Touched {
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  return {
    ports: differs(before.ports, after.ports),
    resources: differs(before.resources, after.resources),
    run: differs(before.process.env, after.process.env) || differs(before.mounts, after.mounts),
  };
}

function conflict(message: string): HullError {
  return new HullError('wrong-state', message);
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
