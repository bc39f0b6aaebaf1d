import type { InstanceOptions } from '../../model/instance-options.ts';
import { cpuBandwidth, type Resources } from '../../model/resources.ts';
import type { OciBlockIo, OciDevice, OciDeviceRule, OciResources } from './oci.ts';

/** What limits need to know of the host. */
export interface ResourceFacts {
  /** Can the kernel limit swap? Else only a wish for it is refused. */
  readonly swapLimit: boolean;
  /** Devices that were asked for, with what may be done to them. */
  readonly devices: readonly MappedDevice[];
  readonly blockIo: OciBlockIo | null;
}

export interface MappedDevice extends OciDevice {
  /** Of `r`, `w` and `m`. */
  readonly access: string;
}

/** Limits in OCI words; memory without a swap wish may swap as much again, as with Docker. Pure. */
export function buildResources(
  resources: Resources,
  options: InstanceOptions,
  privileged: boolean,
  facts: ResourceFacts,
): OciResources {
  const memory = buildMemory(resources, facts.swapLimit);
  const cpu = buildCpu(resources);
  const { pidsLimit } = resources;
  return {
    devices: privileged
      ? [{ allow: true, access: 'rwm' }]
      : [...DEVICE_RULES, ...facts.devices.map(ruleOf), ...(options.deviceCgroupRules ?? []).map(readRule)],
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(pidsLimit === undefined || pidsLimit <= 0 ? {} : { pids: { limit: pidsLimit } }),
    ...(facts.blockIo === null ? {} : { blockIO: facts.blockIo }),
  };
}

function buildMemory(resources: Resources, swapLimit: boolean): NonNullable<OciResources['memory']> {
  const { memory, memorySwap, memoryReservation, memorySwappiness, oomKillDisable } = resources;
  const doubled = memory === undefined || !swapLimit ? undefined : memory * 2;
  // -1 is what the kernel has without a word.
  const swap = memorySwap === -1 && !swapLimit ? undefined : (memorySwap ?? doubled);
  return {
    ...(memory === undefined ? {} : { limit: memory }),
    ...(swap === undefined ? {} : { swap }),
    ...(memoryReservation === undefined ? {} : { reservation: memoryReservation }),
    ...(memorySwappiness === undefined ? {} : { swappiness: memorySwappiness }),
    ...(oomKillDisable === true ? { disableOOMKiller: true } : {}),
  };
}

function buildCpu(resources: Resources): NonNullable<OciResources['cpu']> {
  const { cpuShares, cpusetCpus, cpusetMems, cpuRealtimePeriod, cpuRealtimeRuntime } = resources;
  return {
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...cpuBandwidth(resources),
    ...(cpuRealtimePeriod === undefined ? {} : { realtimePeriod: cpuRealtimePeriod }),
    ...(cpuRealtimeRuntime === undefined ? {} : { realtimeRuntime: cpuRealtimeRuntime }),
    ...(cpusetCpus === undefined || cpusetCpus === '' ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === undefined || cpusetMems === '' ? {} : { mems: cpusetMems }),
  };
}

function ruleOf({ type, major, minor, access }: MappedDevice): OciDeviceRule {
  return { allow: true, type, major, minor, access };
}

/** `c 1:3 rwm`, checked when the instance was made. */
function readRule(text: string): OciDeviceRule {
  const [type = 'a', numbers = '', access = 'rwm'] = text.split(' ');
  const [major, minor] = numbers.split(':').map((part) => (part === '*' ? undefined : Number(part)));
  return {
    allow: true,
    type,
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
    access,
  };
}

/** mknod of anything, use of null, zero, full, random, urandom, tty, console, ptmx and pseudo-terminals (moby, oci/devices). */
const DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [1, 7],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major = 0, minor = 0]) => ({
    allow: true,
    type: 'c',
    major,
    minor,
    access: 'rwm',
  })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];
