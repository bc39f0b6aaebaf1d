import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryMapping } from '../../host/process-memory.ts';
import type { ProcessIsolation } from '../../host/process-isolation.ts';
import type { Image } from '../../model/image.ts';
import { messageOf } from '../../model/errors.ts';
import { networkOf, pidOf } from '../../model/instance-status.ts';
import type { Execs, MountRequest } from '../api.ts';
import { instancePlace, PROGRAM_INSIDE, type Place } from './inside.ts';
import { compareKernels } from './kernel.ts';
import { MachinePlace } from './machine-place.ts';
import { splitMemory } from './memory.ts';
import type { IsolationReading } from './mechanisms.ts';
import { sharedStorage, type StorageParts } from './storage-bytes.ts';
import type { RunReading, SubjectRecord } from './subject-record.ts';
import { measureRound } from './throughput.ts';
import type { ReadyInstance, TrialParts } from './trial.ts';

/** Milliseconds after the first answer at which memory is looked at. */
const SETTLE = 1000;

/** The kernel's view of host processes; `src/host` has the real ones. */
export interface ProcessView {
  readonly isolationOf: (pid: number | 'self') => ProcessIsolation | null;
  readonly mappingsOf: (pid: number) => readonly MemoryMapping[];
  readonly dropPageCache: () => void;
  readonly availableMemory: () => number;
}

export interface MeasuringParts extends TrialParts, StorageParts {
  readonly execs: Execs;
  readonly processes: ProcessView;
  /** Path of hull-measure. */
  readonly program: string;
}

/** What an instance that measures is given beside what the image wants: kept apart from the timed runs, for a VM needs a helper for it. */
export function measuringMounts(program: string): readonly MountRequest[] {
  return [{ type: 'bind', source: program, target: PROGRAM_INSIDE, readOnly: true }];
}

/** Memory, storage and isolation of an instance that has just become ready. */
export async function readRun(
  parts: MeasuringParts,
  record: SubjectRecord,
  image: Image,
  { instance, times }: ReadyInstance,
  signal?: AbortSignal,
): Promise<RunReading> {
  const { id } = instance.config;
  await sleep(SETTLE, undefined, signal === undefined ? {} : { signal });
  const footprint = await parts.instances.footprint(id);
  const pids = [...footprint.workload, ...footprint.helpers].map(({ pid }) => pid);
  const split = splitMemory(pids.map((pid) => parts.processes.mappingsOf(pid)));
  const [{ writable }, shared] = await Promise.all([
    parts.instances.sizes(id),
    sharedStorage(parts, record.subject, image, pidOf(instance.status)),
  ]);
  return {
    times,
    memory: { footprint, ...split },
    writable,
    shared,
    isolation: readIsolation(parts.processes, pidOf(instance.status)),
  };
}

function readIsolation(processes: ProcessView, pid: number): IsolationReading | null {
  const [workload, host] = [processes.isolationOf(pid), processes.isolationOf('self')];
  return workload === null || host === null ? null : { workload, host };
}

export interface ThroughputRequest {
  readonly rounds: number;
  readonly host: Place;
  readonly onStep: (what: string) => void;
  readonly signal?: AbortSignal;
}

/** Kernel and throughput, in an instance that is ready. What cannot be measured says so in the record. */
export async function readThroughput(
  parts: MeasuringParts,
  record: SubjectRecord,
  ready: ReadyInstance,
  request: ThroughputRequest,
): Promise<void> {
  const { signal, host, onStep, rounds } = request;
  const address = networkOf(ready.instance.status).endpoints[0]?.address ?? null;
  const place = await openPlace(parts, record, ready, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    record.noThroughput = messageOf(error);
    record.kernel = { notMeasured: messageOf(error) };
    return null;
  });
  if (place === null) return;
  try {
    record.kernel = await compareKernels(host, place).then(
      (value) => ({ value }),
      (error: unknown) => ({ notMeasured: messageOf(error) }),
    );
    const common = { host, here: place, address, dropCache: parts.processes.dropPageCache };
    for (let round = 1; round <= rounds; round++) {
      const setting = { ...common, hostFirst: round % 2 === 1 };
      await measureRound(setting, record.throughput, (kind) => onStep(`${kind}, round ${round}`), signal);
    }
  } finally {
    if (place instanceof MachinePlace) await place[Symbol.asyncDispose]();
  }
}

async function openPlace(
  parts: MeasuringParts,
  record: SubjectRecord,
  { instance }: ReadyInstance,
  signal?: AbortSignal,
): Promise<Place> {
  const { id } = instance.config;
  if (record.subject.kind !== 'machine') return instancePlace(parts.execs, id, signal);
  const [endpoint] = networkOf(instance.status).endpoints;
  if (endpoint === undefined) throw new Error('the machine has no address');
  const stdio = await parts.instances.attach(id, { stdin: true, stdout: true, stderr: true });
  return await MachinePlace.open(
    { stdio, address: endpoint.address, gateway: endpoint.gateway },
    parts.program,
    signal,
  );
}
