import { HullError } from '../../model/errors.ts';
import type { Resources, ThrottleDevice } from '../../model/resources.ts';
import type { ResourcesBody } from './host-config-schema.ts';

/**
 * The limits of a create or update body, as they were given: zero, and -1 where Docker takes it so, is no limit. Whether this host can do it is
 * the engine's question. Throws `invalid-argument`.
 */
export function toResources(body: ResourcesBody): Resources {
  const found: { readonly [K in keyof Resources]: Resources[K] | undefined } = {
    memory: limit('Memory', body.Memory),
    memorySwap: body.MemorySwap === -1 ? -1 : limit('MemorySwap', body.MemorySwap),
    memoryReservation: limit('MemoryReservation', body.MemoryReservation),
    memorySwappiness:
      body.MemorySwappiness === -1 || body.MemorySwappiness === null ? undefined : body.MemorySwappiness,
    oomKillDisable: body.OomKillDisable ?? undefined,
    nanoCpus: nonZero(body.NanoCpus),
    cpuShares: limit('CpuShares', body.CpuShares),
    cpuPeriod: nonZero(body.CpuPeriod),
    cpuQuota: nonZero(body.CpuQuota),
    cpuRealtimePeriod: limit('CpuRealtimePeriod', body.CpuRealtimePeriod),
    cpuRealtimeRuntime: limit('CpuRealtimeRuntime', body.CpuRealtimeRuntime),
    cpusetCpus: nonEmpty(body.CpusetCpus),
    cpusetMems: nonEmpty(body.CpusetMems),
    pidsLimit: (body.PidsLimit ?? 0) <= 0 ? undefined : (body.PidsLimit ?? undefined),
    blkioWeight: limit('BlkioWeight', body.BlkioWeight),
    blkioWeightDevice: nonEmptyList(
      body.BlkioWeightDevice?.map((entry) => ({ path: entry?.Path ?? '', weight: entry?.Weight ?? 0 })),
    ),
    blkioDeviceReadBps: throttles(body.BlkioDeviceReadBps),
    blkioDeviceWriteBps: throttles(body.BlkioDeviceWriteBps),
    blkioDeviceReadIOps: throttles(body.BlkioDeviceReadIOps),
    blkioDeviceWriteIOps: throttles(body.BlkioDeviceWriteIOps),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** What Docker takes and has no use for any more. */
export function resourceWarnings(body: ResourcesBody): readonly string[] {
  const warnings: string[] = [];
  if ((body.KernelMemory ?? 0) > 0)
    warnings.push('Specifying a kernel memory limit is deprecated and has no effect.');
  if ((body.KernelMemoryTCP ?? 0) > 0)
    warnings.push('Specifying a kernel memory limit for TCP is deprecated and has no effect.');
  if ((body.CpuPercent ?? 0) > 0) warnings.push('linux does not support CPU percent. Percent discarded.');
  return warnings;
}

/** Zero is no limit. */
function limit(field: string, value: number | null | undefined): number | undefined {
  if (value !== undefined && value !== null && value < 0)
    throw new HullError('invalid-argument', `invalid value for "HostConfig.${field}": ${value} is negative`);
  return nonZero(value);
}

function nonZero(value: number | null | undefined): number | undefined {
  return value === 0 ? undefined : (value ?? undefined);
}

function nonEmpty(value: string | null | undefined): string | undefined {
  return value === '' ? undefined : (value ?? undefined);
}

function nonEmptyList<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function throttles(list: ResourcesBody['BlkioDeviceReadBps']): readonly ThrottleDevice[] | undefined {
  return nonEmptyList(list?.map((entry) => ({ path: entry?.Path ?? '', rate: entry?.Rate ?? 0 })));
}
