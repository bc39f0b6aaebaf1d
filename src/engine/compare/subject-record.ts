import type {
  Measured,
  Sample,
  StartTimes,
  StoragePart,
  SubjectFailure,
  SubjectKernel,
  SubjectReport,
  SubjectStart,
} from '../../model/comparison.ts';
import { capacityOf, memoryReport, type MemoryReading } from './memory.ts';
import { type IsolationReading, mechanismsOf } from './mechanisms.ts';
import { mapMeasured, median, notMeasured, sampleOf } from './statistics.ts';
import type { Subject } from './subjects.ts';
import { ThroughputRecord } from './throughput.ts';

/** What one timed run shows. */
export interface RunReading {
  readonly times: StartTimes;
  readonly memory: MemoryReading;
  readonly writable: number;
  readonly shared: readonly StoragePart[];
  readonly isolation: IsolationReading | null;
}

/** Everything found out about one subject, as it comes. */
export class SubjectRecord {
  readonly subject: Subject;
  readonly throughput = new ThroughputRecord();
  /** Made before the first run. */
  preparation: Measured<number> = notMeasured('nothing has to be made: the layers lie unpacked');
  /** Why the first run was not cold. */
  notCold: string | null = null;
  failure: SubjectFailure | null = null;
  kernel: Measured<SubjectKernel> = notMeasured('it was not asked for');
  /** Why throughput was not measured. */
  noThroughput = 'it was not asked for';
  readonly #runs: RunReading[] = [];

  constructor(subject: Subject) {
    this.subject = subject;
  }

  add(run: RunReading): void {
    this.#runs.push(run);
  }

  report(available: number): SubjectReport {
    const { kind, detail, warnings } = this.subject;
    const why = this.failure === null ? 'no run was made' : `it did not become ready: ${this.failure.why}`;
    const memory = memoryReport(
      this.#runs.map((run) => run.memory),
      why,
    );
    const latest = this.#runs.at(-1);
    const kernel = this.kernel;
    return {
      kind,
      detail,
      warnings,
      start: this.#start(why),
      storage: {
        unique: latest === undefined ? notMeasured(why) : { value: latest.writable },
        shared: latest === undefined ? notMeasured(why) : { value: total(latest.shared) },
      },
      memory,
      throughput: this.throughput.report(this.failure === null ? this.noThroughput : why),
      kernel,
      mechanisms:
        latest === undefined
          ? notMeasured(why)
          : latest.isolation === null
            ? notMeasured('the workload’s process was gone')
            : { value: mechanismsOf(kind, latest.isolation, kernel) },
      capacity: capacityOf(memory, available),
      failure: this.failure,
    };
  }

  #start(why: string): SubjectStart {
    const [first, ...rest] = this.#runs.map((run) => run.times);
    const cold: Measured<StartTimes> =
      first === undefined
        ? notMeasured(why)
        : this.notCold === null
          ? { value: first }
          : notMeasured(this.notCold);
    const warm = sampleOf(
      rest.map((times) => times.total),
      this.failure === null ? 'only one run was asked for' : why,
    );
    return { preparation: this.preparation, cold, warm, warmParts: partsOf(warm, rest) };
  }
}

function total(parts: readonly StoragePart[]): { bytes: number; parts: readonly StoragePart[] } {
  return { bytes: parts.reduce((sum, part) => sum + part.bytes, 0), parts };
}

function partsOf(warm: Measured<Sample>, times: readonly StartTimes[]): Measured<StartTimes> {
  const middle = (part: keyof StartTimes): number => median(times.map((one) => one[part]));
  return mapMeasured(warm, () => ({
    create: middle('create'),
    start: middle('start'),
    ready: middle('ready'),
    total: middle('total'),
  }));
}
