import { HullError } from '../../model/errors.ts';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { Resources } from '../../model/resources.ts';
import { readSecurity } from '../../runtime/security-options.ts';
import type { IsolationTraits } from '../../runtime/traits.ts';
import type { CreateInstance } from '../api.ts';

/** Refuses what this isolation cannot give, naming the field. Pure. Throws `not-supported`. */
export function checkIsolationOptions(traits: IsolationTraits, request: CreateInstance): void {
  const { options = {} } = request;
  const { isolation, refuses } = traits;
  for (const [option, field] of Object.entries(refuses.options)) {
    const value = options[option as keyof InstanceOptions];
    const idle = refuses.idleValues[option as keyof InstanceOptions] ?? [];
    if (value === undefined || (typeof value === 'string' && idle.includes(value))) continue;
    throw refusal(
      field,
      `${field} is not supported by isolation '${isolation}'; leave it out, or run a container`,
    );
  }
  checkStorage(options);
  checkNetworkMode(traits, request);
  if (refuses.filters) checkFilters(traits, options);
  checkHiddenPaths(traits, options);
  const mounts = request.mounts ?? [];
  if (refuses.mountPropagation && mounts.some((mount) => mount.options?.some(isSharing) === true))
    throw refusal(
      'HostConfig.Mounts',
      "mounts do not propagate into or out of a VM; leave the mount's propagation out",
    );
}

/** Where the workload has a kernel of its own, its system calls are not filtered. Asking for that is refused, for less is fine. */
function checkFilters({ isolation }: IsolationTraits, { securityOpt }: InstanceOptions): void {
  if (typeof readSecurity(securityOpt).seccomp !== 'string') return;
  const field = 'HostConfig.SecurityOpt (a seccomp profile)';
  throw refusal(
    field,
    `${field} is not supported by isolation '${isolation}', where the kernel is the workload's own; leave it out, or run a container`,
  );
}

function checkHiddenPaths(
  { isolation, maxHiddenPaths }: IsolationTraits,
  { maskedPaths = [], readonlyPaths = [] }: InstanceOptions,
): void {
  if (Math.max(maskedPaths.length, readonlyPaths.length) <= maxHiddenPaths) return;
  throw new HullError(
    'invalid-argument',
    `isolation '${isolation}' masks ${maxHiddenPaths} paths at most, and has as many read-only`,
  );
}

/** Who has a network stack of its own uses no other one. */
function checkNetworkMode({ isolation, refuses }: IsolationTraits, { networkMode }: CreateInstance): void {
  if (networkMode === undefined || !refuses.networkModes.includes(networkMode)) return;
  throw refusal(
    'HostConfig.NetworkMode',
    `HostConfig.NetworkMode '${networkMode}' is not supported by isolation '${isolation}', which has a network stack of its own; put it on a network, and publish its ports`,
  );
}

function refusal(field: string, message: string): HullError {
  return new HullError('not-supported', message, { details: { field } });
}

/** Says which of the limits asked for mean nothing to this isolation. Pure. */
export function idleLimits({ idleLimits: idle }: IsolationTraits, resources: Resources): readonly string[] {
  if (idle === null) return [];
  const fields = Object.entries(idle.fields).flatMap(([field, isAsked]) =>
    isAsked(resources) ? [field] : [],
  );
  return fields.length === 0 ? [] : [`${idle.why}: ${fields.join(', ')} discarded.`];
}

const isSharing = (option: string): boolean => /^r?(shared|slave)$/.test(option);

/** Docker's words where the file system has no project quotas, which overlay folders would need. */
function checkStorage({ storageOpt }: InstanceOptions): void {
  const [name] = Object.keys(storageOpt ?? {});
  if (name === undefined) return;
  if (name !== 'size') throw new HullError('invalid-argument', `unknown option ${name}`);
  throw new HullError(
    'not-supported',
    "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
    { details: { field: 'HostConfig.StorageOpt' } },
  );
}
