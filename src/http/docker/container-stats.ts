import { setTimeout as sleep } from 'node:timers/promises';
import type { BlockIoEntry, ContainerStats, CpuStats, InterfaceStats } from '../../../api/docker.ts';
import type { EngineApi, InstanceStats } from '../../engine/api.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { LinkCounters } from '../../network/network.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { dockerState } from './container-state.ts';
import { NEVER, timestamp } from './times.ts';

export const containerStatsRoutes: readonly Route[] = [
  { method: 'GET', path: '/containers/:id/stats', handler: stats },
];

/** Milliseconds between two samples; clients compute CPU usage over this span. */
const INTERVAL = 1000;

async function stats(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { id } = engine.instances.get(exchange.param('id')).config;
  const stream = exchange.query.flag('stream', true);
  const oneShot = exchange.query.flag('one-shot');
  if (stream && oneShot) throw new HullError('invalid-argument', 'cannot have stream=true and one-shot=true');
  if (stream) return streamStats(engine, exchange, id);
  const before = oneShot ? null : await sample(engine, id);
  if (before !== null) await pause(exchange.signal);
  const now = await sample(engine, id);
  exchange.send(containerStats(engine.instances.get(id), before, now));
}

async function streamStats(engine: EngineApi, exchange: Exchange, id: string): Promise<void> {
  const { signal } = exchange;
  const sink = exchange.openJson();
  let before: InstanceStats | null = null;
  while (!signal.aborted) {
    const now = await sample(engine, id);
    const instance = find(engine, id);
    if (instance === null) break;
    await sink.write(containerStats(instance, before, now));
    before = now;
    await pause(signal);
  }
  sink.end();
}

/** Null when it does not run. */
async function sample(engine: EngineApi, id: string): Promise<InstanceStats | null> {
  const instance = find(engine, id);
  if (instance === null || !['running', 'paused'].includes(dockerState(instance.status))) return null;
  try {
    return await engine.instances.stats(id);
  } catch (error) {
    // It ended in between.
    if (isHullError(error, 'wrong-state') || isHullError(error, 'instance-not-found')) return null;
    throw error;
  }
}

function find(engine: EngineApi, id: string): Instance | null {
  try {
    return engine.instances.get(id);
  } catch (error) {
    if (isHullError(error, 'instance-not-found')) return null;
    throw error;
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  // Rejects when the client goes; the caller looks at the signal.
  await sleep(INTERVAL, undefined, { signal }).catch(() => undefined);
}

const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** One sample in Docker's shape; `now` null is an instance that does not run. */
function containerStats(
  instance: Instance,
  before: InstanceStats | null,
  now: InstanceStats | null,
): ContainerStats {
  const runtime = now?.runtime;
  return {
    id: instance.config.id,
    name: `/${instance.config.name}`,
    read: runtime === undefined ? NEVER : timestamp(runtime.readAt),
    preread: before === null ? NEVER : timestamp(before.runtime.readAt),
    num_procs: 0,
    pids_stats: runtime === undefined ? {} : { current: runtime.pids, limit: runtime.pidsLimit },
    cpu_stats: cpuStats(now),
    precpu_stats: cpuStats(before),
    memory_stats:
      runtime === undefined
        ? {}
        : {
            usage: runtime.memoryUsage,
            limit: runtime.memoryLimit,
            // v1 hosts' name beside v2's: clients subtract whichever they find.
            stats: {
              inactive_file: runtime.memoryInactiveFile,
              total_inactive_file: runtime.memoryInactiveFile,
            },
          },
    blkio_stats: {
      io_service_bytes_recursive:
        runtime === undefined ? null : blockIo(runtime.blockRead, runtime.blockWrite),
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    storage_stats: {},
    ...networkStats(now),
  };
}

function cpuStats(sampled: InstanceStats | null): CpuStats {
  if (sampled === null) return NO_CPU;
  const { runtime } = sampled;
  return {
    cpu_usage: {
      total_usage: runtime.cpuNanoseconds,
      usage_in_kernelmode: runtime.cpuKernelNanoseconds,
      usage_in_usermode: runtime.cpuUserNanoseconds,
    },
    system_cpu_usage: sampled.systemCpuNanoseconds,
    online_cpus: sampled.onlineCpus,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

function blockIo(read: number, write: number): readonly BlockIoEntry[] {
  return [
    { major: 0, minor: 0, op: 'read', value: read },
    { major: 0, minor: 0, op: 'write', value: write },
  ];
}

function networkStats(sampled: InstanceStats | null): { networks?: Record<string, InterfaceStats> } {
  const networks = sampled?.networks ?? [];
  if (networks.length === 0) return {};
  return {
    networks: Object.fromEntries(networks.map(({ name, counters }) => [name, interfaceStats(counters)])),
  };
}

function interfaceStats(counters: LinkCounters): InterfaceStats {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}
