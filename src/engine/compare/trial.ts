import { randomBytes } from 'node:crypto';
import type { GroupResult } from '../../host/process-group.ts';
import { recordsOf } from '../../lib/log-batch.ts';
import { Rollback } from '../../lib/rollback.ts';
import type { StartTimes, SubjectFailure } from '../../model/comparison.ts';
import { isHullError, messageOf } from '../../model/errors.ts';
import { networkOf } from '../../model/instance-status.ts';
import type { Instance } from '../../model/instance.ts';
import type { Instances, MountRequest } from '../api.ts';
import { untilReady } from './probe.ts';
import type { Subject } from './subjects.ts';
import { DEFAULT_PATH } from '../../model/default-path.ts';

/** Marks instances of comparisons; its value names the comparison. */
export const COMPARISON_LABEL = 'hull.comparison';
const PROBE_TIMEOUT = 15_000;
const REMOVAL_TIMEOUT = 60_000;
const LOG_LINES = 20;

/** Runs a probe on the host; see `runGroup`. */
export type RunProbe = (
  command: readonly string[],
  options: { env: Readonly<Record<string, string>>; timeout: number; signal: AbortSignal },
) => Promise<GroupResult>;

export interface TrialParts {
  readonly instances: Instances;
  readonly runProbe: RunProbe;
}

export interface TrialRequest {
  readonly comparison: string;
  readonly subject: Subject;
  readonly probe: string;
  readonly run: number;
  readonly mounts?: readonly MountRequest[];
  readonly signal?: AbortSignal;
}

/** An instance whose application answers. */
export interface ReadyInstance {
  readonly instance: Instance;
  readonly times: StartTimes;
}

/** The application did not come to answer. */
export class NotReady extends Error {
  readonly failure: SubjectFailure;

  constructor(failure: SubjectFailure) {
    super(failure.why);
    this.failure = failure;
  }
}

/** Starts an instance, waits until the probe succeeds, gives it to `use`, and removes it on every path. Rejects `NotReady`. */
export async function trial<T>(
  parts: TrialParts,
  request: TrialRequest,
  use: (ready: ReadyInstance) => Promise<T>,
): Promise<T> {
  const { instances } = parts;
  const { subject, signal } = request;
  signal?.throwIfAborted();
  await using undo = new Rollback({ timeout: REMOVAL_TIMEOUT });
  const name = `compare-${subject.kind}-${request.comparison}-${request.run}-${randomBytes(2).toString('hex')}`;
  const began = performance.now();
  const { id } = await instances.create({
    name,
    source: subject.source,
    isolation: subject.isolation,
    labels: { [COMPARISON_LABEL]: request.comparison },
    // The machine's console is typed at, to measure in it.
    openStdin: subject.kind === 'machine',
    ...(request.mounts === undefined ? {} : { mounts: request.mounts }),
  });
  undo.defer(`remove ${name}`, () => removeInstance(instances, id));
  const created = performance.now();
  signal?.throwIfAborted();
  await instances.start(id).catch((error: unknown) => failStart(parts, request, id, error));
  const started = performance.now();
  await waitReady(parts, request, id);
  const ready = performance.now();
  const times = {
    create: created - began,
    start: started - created,
    ready: ready - started,
    total: ready - began,
  };
  return await use({ instance: instances.get(id), times });
}

export async function removeInstance(instances: Instances, id: string): Promise<void> {
  try {
    await instances.remove(id, { force: true, volumes: true });
  } catch (error) {
    if (!isHullError(error, 'instance-not-found')) throw error;
  }
}

async function failStart(
  { instances }: TrialParts,
  request: TrialRequest,
  id: string,
  error: unknown,
): Promise<never> {
  request.signal?.throwIfAborted();
  const why = `it could not be started: ${messageOf(error)}`;
  throw new NotReady({ run: request.run, why, probeOutput: '', log: await lastLines(instances, id) });
}

async function waitReady(parts: TrialParts, request: TrialRequest, id: string): Promise<void> {
  const { instances } = parts;
  const { subject, signal } = request;
  const { config, status } = instances.get(id);
  const env = {
    PATH: DEFAULT_PATH,
    HOME: '/root',
    LANG: 'C.UTF-8',
    HULL_ADDRESS: networkOf(status).endpoints[0]?.address ?? '',
    HULL_NAME: config.name,
    HULL_ISOLATION: subject.kind,
  };
  const outcome = await untilReady({
    attempt: (stop) =>
      parts.runProbe(['/bin/sh', '-c', request.probe], { env, timeout: PROBE_TIMEOUT, signal: stop }),
    deadline: subject.deadline,
    ended: () => endOf(instances.get(id)),
    ...(signal === undefined ? {} : { signal }),
  });
  if (outcome.ready) return;
  const log = await lastLines(instances, id);
  throw new NotReady({ run: request.run, why: outcome.why, probeOutput: outcome.output, log });
}

function endOf({ status }: Instance): string | null {
  if (status.state === 'running') return null;
  return `the workload ended with status ${status.exit?.code ?? 'unknown'} before the probe succeeded`;
}

async function lastLines(instances: Instances, id: string): Promise<string> {
  const query = { stdout: true, stderr: true, follow: false, tail: LOG_LINES, since: null, until: null };
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const batch of instances.logs(id, query))
      for (const { data } of recordsOf(batch)) text += decoder.decode(data, { stream: true });
  } catch (error) {
    return `(the log could not be read: ${messageOf(error)})`;
  }
  return text;
}
