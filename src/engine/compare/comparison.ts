import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { Rollback } from '../../lib/rollback.ts';
import type { ComparisonReport } from '../../model/comparison.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';
import type { CompareRequest, Comparison, EngineInfo, Images, System } from '../api.ts';
import { hostPlace, type Place } from './inside.ts';
import { type MeasuringParts, measuringMounts, readRun, readThroughput } from './measuring.ts';
import { methodNotes } from './notes.ts';
import { SubjectRecord } from './subject-record.ts';
import { planSubjects } from './subjects.ts';
import { hostThroughput } from './throughput.ts';
import { COMPARISON_LABEL, NotReady, removeInstance, trial } from './trial.ts';

const DEFAULT_RUNS = 3;
const MOST_RUNS = 100;

export interface ComparisonParts extends MeasuringParts {
  readonly host: Pick<Host, 'exec' | 'files'>;
  readonly identity: EngineIdentity;
  readonly images: Pick<Images, 'get' | 'usage'>;
  readonly system: Pick<System, 'info'>;
}

/** One comparison under way. */
interface Session {
  readonly id: string;
  readonly image: Image;
  readonly probe: string;
  readonly runs: number;
  readonly host: Place;
  readonly records: readonly SubjectRecord[];
  readonly say: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Measures what each isolation costs: timed runs, isolations in turn so that noise hits all alike, then one more of each for throughput (a
 * machine is measured in its last timed run: it needs nothing put into it, and takes long to boot). One comparison at a time.
 */
export class ComparisonService implements Comparison {
  readonly #parts: ComparisonParts;
  #busy = false;

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  async compare(
    request: CompareRequest,
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<ComparisonReport> {
    if (this.#busy) {
      throw new HullError(
        'wrong-state',
        'a comparison is running already, and two would disturb each other; try again when it has ended',
      );
    }
    this.#busy = true;
    try {
      return await this.#compare(request, onProgress, signal);
    } finally {
      this.#busy = false;
    }
  }

  async #compare(
    request: CompareRequest,
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<ComparisonReport> {
    const { images, machines, system, host, identity, program, processes } = this.#parts;
    const runs = checkRequest(request, program);
    const image = images.get(request.image);
    const machine = request.machine === undefined ? null : machines.get(request.machine);
    const startedAt = Date.now();
    const info = await system.info();
    const { subjects, skipped } = planSubjects(request, machine, info.isolations);
    await this.#removeLeftovers();
    const available = processes.availableMemory();
    await using undo = new Rollback();
    const folder = await mkdtemp(join(identity.dataDir, 'compare-'));
    undo.defer('remove the measuring folder', () => host.files.removeTree(folder));
    const session: Session = {
      id: randomBytes(3).toString('hex'),
      image,
      probe: request.probe,
      runs,
      host: hostPlace(host, program, join(folder, 'disk'), signal),
      records: subjects.map((subject) => new SubjectRecord(subject)),
      say: (message) => onProgress({ phase: 'compare', message }),
      ...(signal === undefined ? {} : { signal }),
    };
    await this.#prepare(session);
    for (let run = 1; run <= runs; run++) await this.#round(session, run);
    await this.#measure(session);
    const kinds = subjects.map(({ kind }) => kind);
    return {
      format: 1,
      image: { reference: request.image, id: image.id },
      machine: request.machine ?? null,
      probe: request.probe,
      runs,
      startedAt,
      endedAt: Date.now(),
      host: hostReport(info, available, session.records),
      subjects: session.records.map((record) => record.report(available)),
      skipped,
      notes: methodNotes(kinds, runs, session.records[0]?.notCold ?? null),
    };
  }

  /** Instances that a comparison left whose daemon was killed. */
  async #removeLeftovers(): Promise<void> {
    const { instances } = this.#parts;
    for (const { config } of instances.list())
      if (config.labels[COMPARISON_LABEL] !== undefined) await removeInstance(instances, config.id);
  }

  /** What is made once per image is made, and timed, before any start is. */
  async #prepare({ records, image, say }: Session): Promise<void> {
    const record = records.find(({ subject }) => subject.kind === 'vm');
    if (record !== undefined) {
      say('vm: making the image’s disk');
      const [before, began] = [Date.now(), performance.now()];
      const { path } = await this.#parts.imageDisk(image);
      const passed = performance.now() - began;
      const made = (await stat(path)).birthtimeMs >= before - 1000;
      record.preparation = made ? { value: passed } : { notMeasured: 'the image’s disk was there already' };
    }
    const machine = records.find(({ subject }) => subject.kind === 'machine');
    if (machine !== undefined)
      machine.preparation = { notMeasured: 'the machine’s disk was made before, by hull machine create' };
  }

  /** One timed run of each subject that has not failed, beginning with another one each time. */
  async #round(session: Session, run: number): Promise<void> {
    const { records, runs, say } = session;
    const first = (run - 1) % records.length;
    for (const record of [...records.slice(first), ...records.slice(0, first)]) {
      if (record.failure !== null) continue;
      const { kind } = record.subject;
      if (run === 1) this.#makeCold(record);
      say(`${kind}: run ${run} of ${runs}${run === 1 && record.notCold === null ? ', cold' : ''}`);
      await this.#timedRun(session, record, run);
    }
  }

  #makeCold(record: SubjectRecord): void {
    try {
      this.#parts.processes.dropPageCache();
    } catch (error) {
      record.notCold = messageOf(error);
    }
  }

  async #timedRun(session: Session, record: SubjectRecord, run: number): Promise<void> {
    const { image, runs, signal } = session;
    await this.#attempt(session, record, run, [], async (ready) => {
      record.add(await readRun(this.#parts, record, image, ready, signal));
      if (record.subject.kind === 'machine' && run === runs)
        await readThroughput(this.#parts, record, ready, this.#throughput(session, record));
    });
  }

  /** The runs that measure inside. */
  async #measure(session: Session): Promise<void> {
    for (const record of session.records) {
      if (record.failure !== null || record.subject.kind === 'machine') continue;
      session.say(`${record.subject.kind}: a run to measure in`);
      const mounts = measuringMounts(this.#parts.program);
      await this.#attempt(session, record, session.runs + 1, mounts, (ready) =>
        readThroughput(this.#parts, record, ready, this.#throughput(session, record)),
      );
    }
  }

  #throughput(session: Session, { subject }: SubjectRecord): Parameters<typeof readThroughput>[3] {
    const { host, runs, say, signal } = session;
    // As many with the host first as with the instance first: whoever is second finds the machine warmer.
    const rounds = runs + (runs % 2);
    const onStep = (what: string): void => say(`${subject.kind}: ${what} of ${rounds}`);
    return { host, rounds, onStep, ...(signal === undefined ? {} : { signal }) };
  }

  async #attempt(
    session: Session,
    record: SubjectRecord,
    run: number,
    mounts: ReturnType<typeof measuringMounts>,
    use: Parameters<typeof trial<void>>[2],
  ): Promise<void> {
    const { id, probe, signal } = session;
    const request = { comparison: id, subject: record.subject, probe, run, mounts };
    try {
      await trial(this.#parts, signal === undefined ? request : { ...request, signal }, use);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      record.failure = error.failure;
      session.say(`${record.subject.kind}: ${error.failure.why}`);
    }
  }
}

/** Returns the number of runs. */
function checkRequest(request: CompareRequest, program: string): number {
  const runs = request.runs ?? DEFAULT_RUNS;
  if (!Number.isInteger(runs) || runs < 1 || runs > MOST_RUNS)
    throw new HullError('invalid-argument', `the number of runs must be 1 to ${MOST_RUNS}, not ${runs}`);
  if (request.probe.trim() === '')
    throw new HullError(
      'invalid-argument',
      'the probe is empty: name a command that succeeds once the application answers',
    );
  if (!existsSync(program)) {
    throw new HullError(
      'host-tool-missing',
      `the measuring program ${program} is missing; build it with guest/build.sh`,
    );
  }
  return runs;
}

function hostReport(
  info: EngineInfo,
  memoryAvailable: number,
  records: readonly SubjectRecord[],
): ComparisonReport['host'] {
  return {
    name: info.name,
    cpus: info.cpus,
    cpuModel: cpus()[0]?.model ?? 'unknown',
    memory: info.memory,
    memoryAvailable,
    kernel: info.kernel,
    operatingSystem: info.operatingSystem,
    throughput: hostThroughput(records.map(({ throughput }) => throughput)),
  };
}
