import { isIP } from 'node:net';
import type { HostLimits } from '../../host/host-limits.ts';
import { HullError } from '../../model/errors.ts';
import type { Healthcheck } from '../../model/image.ts';
import type { Isolation } from '../../model/isolation.ts';
import { checkCapabilities } from '../../runtime/capabilities.ts';
import type { CreateInstance } from '../api.ts';
import { traitsOf } from '../isolations.ts';
import { checkIsolationOptions, idleLimits } from './check-isolation.ts';
import { settleOptions } from './settle-options.ts';
import { securityWarnings } from './settle-security.ts';
import { type Settled, settleResources } from './settle-resources.ts';
import { signalNumber } from './signals.ts';

/** What a request is judged with. */
export interface SettleFacts {
  readonly isolation: Isolation;
  readonly host: HostLimits;
  /** The id of an instance by name or id; null where there is none. */
  readonly idOf: (nameOrId: string) => string | null;
}

/**
 * The request as this host and this isolation can carry it out, with the warnings that Docker would give; before anything is made. Pure. Throws
 * `invalid-argument` in Docker's words, and `not-supported` naming the field.
 */
export function settle(request: CreateInstance, facts: SettleFacts): Settled<CreateInstance> {
  for (const variable of request.env ?? []) {
    if (variable === '' || variable.startsWith('='))
      throw invalid(`invalid environment variable: ${variable}`);
  }
  for (const entry of request.extraHosts ?? []) checkExtraHost(entry);
  if (request.stopSignal !== undefined) signalNumber(request.stopSignal);
  if ((request.stopTimeout ?? 0) < -1) throw invalid(`invalid stop timeout: ${request.stopTimeout}`);
  checkHealth(request.healthcheck ?? {});
  if (request.autoRemove === true && (request.restartPolicy?.name ?? 'no') !== 'no')
    throw invalid("can't create 'AutoRemove' container with restart policy");
  checkCapabilities('CapAdd', request.capAdd ?? []);
  checkCapabilities('CapDrop', request.capDrop ?? []);
  for (const mount of request.mounts ?? []) if (mount.type === 'tmpfs') checkTmpfs(mount.options ?? []);
  if (request.options?.utsMode === 'host' && request.hostname !== undefined)
    throw invalid('conflicting options: hostname and the UTS mode');
  const traits = traitsOf(facts.isolation);
  checkIsolationOptions(traits, request);
  const resources = settleResources(request.resources ?? {}, facts.host);
  const networkMode = request.networkMode ?? 'bridge';
  checkLinks(request, facts);
  const options = settleOptions(request.options ?? {}, { ...facts, traits, networkMode });
  return {
    value: { ...request, resources: resources.value, options: options.value },
    warnings: [
      ...resources.warnings,
      ...options.warnings,
      ...securityWarnings(request, facts.host, traits),
      ...(networkMode === 'host' && (request.ports ?? []).length > 0 ? [PORTS_OF_HOST] : []),
      ...idleLimits(traits, request.resources ?? {}),
    ],
  };
}

const PORTS_OF_HOST = 'Published ports are discarded when using host network mode';

/** On the default network who is linked to must be there; on others they may come later, as Docker has it. */
function checkLinks({ networks = [] }: CreateInstance, { idOf }: SettleFacts): void {
  for (const { links } of networks.filter(({ network }) => network === 'bridge')) {
    const absent = links.map((link) => link.split(':', 1).join('')).find((target) => idOf(target) === null);
    if (absent !== undefined)
      throw invalid(`could not get container for ${absent}: No such container: ${absent}`);
  }
}

/** `name:address` (opts.ValidateExtraHost of docker/cli and moby). */
function checkExtraHost(entry: string): void {
  const colon = entry.indexOf(':');
  if (colon <= 0) throw invalid(`bad format for add-host: ${JSON.stringify(entry)}`);
  const address = entry.slice(colon + 1);
  if (address === 'host-gateway' || isIP(address.replace(/^\[(.*)\]$/, '$1')) !== 0) return;
  throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

const MILLISECOND = 1_000_000;

/** Durations in nanoseconds (moby, daemon/container.go). */
function checkHealth(health: Healthcheck): void {
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health[field] ?? 0;
    if (value !== 0 && value < MILLISECOND) throw invalid(`${field} in Healthcheck cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative');
}

/** Flags of mount(8), and tmpfs(5)'s own (moby/sys, mount). */
const TMPFS_OPTION =
  /^(?:defaults|(?:no)?(?:suid|dev|exec|atime|diratime|relatime|iversion|mand)|strictatime|nostrictatime|sync|async|dirsync|remount|r?bind|(?:un)?bindable|r?(?:private|shared|slave|unbindable)|(?:size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=[^,\s]+)$/;

function checkTmpfs(options: readonly string[]): void {
  const odd = options.find((option) => !TMPFS_OPTION.test(option));
  if (odd !== undefined) throw invalid(`Invalid tmpfs option ${JSON.stringify(odd)}`);
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
