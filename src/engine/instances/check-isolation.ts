import { HullError } from '../../model/errors.ts';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { Resources } from '../../model/resources.ts';
import { readSecurity } from '../../runtime/security-options.ts';
import type { CreateInstance } from '../api.ts';

/** Options that mean something to a shared kernel alone. A VM has a kernel of its own; nothing of the host's is inside. */
const CONTAINERS_ALONE: Readonly<Partial<Record<keyof InstanceOptions, string>>> = {
  devices: 'HostConfig.Devices',
  deviceCgroupRules: 'HostConfig.DeviceCgroupRules',
  pidMode: 'HostConfig.PidMode',
  ipcMode: 'HostConfig.IpcMode',
  utsMode: 'HostConfig.UTSMode',
  cgroupParent: 'HostConfig.CgroupParent',
  cgroupnsMode: 'HostConfig.CgroupnsMode',
};
/** What asks for nothing but what a VM has anyway. */
const IDLE: Readonly<Partial<Record<keyof InstanceOptions, readonly string[]>>> = {
  ipcMode: ['private', 'shareable'],
  pidMode: ['private'],
  cgroupnsMode: ['private'],
};
/** What gVisor's kernel does not offer. */
const NOT_IN_SANDBOX: Readonly<Partial<Record<keyof InstanceOptions, string>>> = {
  devices: 'HostConfig.Devices',
  deviceCgroupRules: 'HostConfig.DeviceCgroupRules',
  pidMode: 'HostConfig.PidMode',
  ipcMode: 'HostConfig.IpcMode',
};

/** Refuses what this isolation cannot give, naming the field. Pure. Throws `not-supported`. */
export function checkIsolationOptions(isolation: Isolation, request: CreateInstance): void {
  const { options = {} } = request;
  const refused = isolation === 'vm' ? CONTAINERS_ALONE : isolation === 'sandbox' ? NOT_IN_SANDBOX : {};
  for (const [option, field] of Object.entries(refused)) {
    const value = options[option as keyof InstanceOptions];
    if (value === undefined) continue;
    if (typeof value === 'string' && IDLE[option as keyof InstanceOptions]?.includes(value) === true)
      continue;
    throw new HullError(
      'not-supported',
      `${field} is not supported by isolation '${isolation}'; leave it out, or run a container`,
      { details: { field } },
    );
  }
  checkStorage(options);
  checkNetworkMode(isolation, request);
  if (isolation === 'vm') checkGuestSecurity(options);
  if (isolation === 'vm' && (request.mounts ?? []).some((mount) => mount.options?.some(isSharing) === true)) {
    throw new HullError(
      'not-supported',
      "mounts do not propagate into or out of a VM; leave the mount's propagation out",
      { details: { field: 'HostConfig.Mounts' } },
    );
  }
}

/** A guest's kernel is the workload's own: its system calls are not filtered. Asking for that is refused, for less is fine. */
function checkGuestSecurity({ securityOpt, maskedPaths = [], readonlyPaths = [] }: InstanceOptions): void {
  if (maskedPaths.length > GUEST_PATHS || readonlyPaths.length > GUEST_PATHS)
    throw new HullError(
      'invalid-argument',
      `a VM masks ${GUEST_PATHS} paths at most, and has as many read-only`,
    );
  if (typeof readSecurity(securityOpt).seccomp !== 'string') return;
  const field = 'HostConfig.SecurityOpt (a seccomp profile)';
  throw new HullError(
    'not-supported',
    `${field} is not supported by isolation 'vm', where the kernel is the workload's own; leave it out, or run a container`,
    { details: { field } },
  );
}

/** As many as the guest program has room for (guest/src/confine.c). */
const GUEST_PATHS = 64;

/** Who has a network stack of its own uses no other one. */
function checkNetworkMode(isolation: Isolation, { networkMode }: CreateInstance): void {
  const isRefused = networkMode === 'container' || (networkMode === 'host' && isolation === 'vm');
  if (isolation === 'container' || !isRefused) return;
  throw new HullError(
    'not-supported',
    `HostConfig.NetworkMode '${networkMode}' is not supported by isolation '${isolation}', which has a network stack of its own; put it on a network, and publish its ports`,
    { details: { field: 'HostConfig.NetworkMode' } },
  );
}

/** Limits that mean nothing inside a VM: its memory is its own, and it has no swap. Pure. */
export function idleLimits(isolation: Isolation, resources: Resources): readonly string[] {
  if (isolation !== 'vm') return [];
  const { memory, memorySwap, memoryReservation, memorySwappiness, oomKillDisable } = resources;
  const idle = Object.entries({
    MemorySwap: memorySwap !== undefined && memorySwap !== memory,
    MemoryReservation: memoryReservation !== undefined,
    MemorySwappiness: memorySwappiness !== undefined,
    OomKillDisable: oomKillDisable === true,
  }).flatMap(([field, isAsked]) => (isAsked ? [field] : []));
  if (idle.length === 0) return [];
  return [`A VM has its memory to itself, and no swap: ${idle.join(', ')} discarded.`];
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
