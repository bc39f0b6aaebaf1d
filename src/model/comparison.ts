/**
 * What `hull compare` finds out. The stable shape of `--format json`: fields are added, never changed; `format` counts incompatible changes.
 * Times are milliseconds, sizes bytes, rates per second.
 */
export interface ComparisonReport {
  readonly format: 1;
  readonly image: { readonly reference: string; readonly id: string };
  /** Name of the machine disk that was measured too. */
  readonly machine: string | null;
  readonly probe: string;
  readonly runs: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly host: ComparisonHost;
  /** One for each isolation that was measured, in the order container, sandbox, vm, machine. */
  readonly subjects: readonly SubjectReport[];
  /** Isolations that could not be measured at all. */
  readonly skipped: readonly { readonly kind: SubjectKind; readonly why: string }[];
  /** How the figures came about; needed to read them. */
  readonly notes: readonly string[];
}

/** What is compared: the image under each isolation, and a whole operating system. */
const SUBJECT_KINDS = ['container', 'sandbox', 'vm', 'machine'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** A figure, or why there is none: never 0 or nothing in its place. */
export type Measured<T> = { readonly value: T } | { readonly notMeasured: string };

/** Several measurements of the same. */
export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** In the order in which they were taken. */
  readonly samples: readonly number[];
}

export interface ComparisonHost {
  readonly name: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memory: number;
  /** MemAvailable before the first run. */
  readonly memoryAvailable: number;
  readonly kernel: string;
  readonly operatingSystem: string;
  /** The measuring program on the host itself, next to each measurement inside. */
  readonly throughput: Readonly<Record<ThroughputKind, Measured<Sample>>>;
}

export const THROUGHPUT_KINDS = ['cpu', 'diskWrite', 'diskRead', 'networkIn', 'networkOut'] as const;
/** `cpu`: operations; the rest bytes. `networkIn`: from the host to the instance. */
export type ThroughputKind = (typeof THROUGHPUT_KINDS)[number];

export interface SubjectReport {
  readonly kind: SubjectKind;
  /** What runs it: the runtime's own words. */
  readonly detail: string;
  readonly warnings: readonly string[];
  readonly start: SubjectStart;
  readonly storage: SubjectStorage;
  readonly memory: Measured<SubjectMemory>;
  readonly throughput: Readonly<Record<ThroughputKind, Measured<Rate>>>;
  readonly kernel: Measured<SubjectKernel>;
  /** What keeps the workload apart, as seen on its host process. */
  readonly mechanisms: Measured<readonly Mechanism[]>;
  readonly capacity: Measured<Capacity>;
  readonly failure: SubjectFailure | null;
}

/** Milliseconds of one start, one part after the other. */
export interface StartTimes {
  /** The instance is recorded and named. */
  readonly create: number;
  /** The workload runs. */
  readonly start: number;
  /** From then until the probe succeeds. */
  readonly ready: number;
  /** All of it: from the request to the first answer of the application. */
  readonly total: number;
}

export interface SubjectStart {
  /** Making what later starts reuse, e.g. an image's disk. */
  readonly preparation: Measured<number>;
  readonly cold: Measured<StartTimes>;
  readonly warm: Measured<Sample>;
  /** Medians of the warm starts' parts. */
  readonly warmParts: Measured<StartTimes>;
}

export interface StoragePart {
  readonly what: string;
  readonly bytes: number;
}

export interface SubjectStorage {
  /** Written by or for one instance, when it is ready. */
  readonly unique: Measured<number>;
  /** Used by all instances of the same image or machine. */
  readonly shared: Measured<{ readonly bytes: number; readonly parts: readonly StoragePart[] }>;
}

export interface SubjectMemory {
  /** Proportional set size of every host process that exists for the instance. */
  readonly pss: Sample;
  /** Of the latest run: the workload's processes (QEMU for a VM), and those beside it. */
  readonly workload: number;
  readonly helpers: number;
  readonly processes: readonly { readonly command: string; readonly pss: number }[];
  /** Of the latest run: what each further instance needs, and what all of them share (programs and libraries mapped from files). */
  readonly unique: number;
  readonly shared: number;
}

export interface Rate {
  readonly perSecond: Sample;
  /** Fraction of what the host itself did just before or after. */
  readonly relative: Sample;
}

export interface SubjectKernel {
  readonly release: string;
  readonly version: string;
  /** Is it the host's kernel? */
  readonly shared: boolean;
}

export interface Mechanism {
  readonly name:
    | 'own kernel'
    | 'hardware virtualization'
    | 'namespaces'
    | 'seccomp'
    | 'capabilities dropped'
    | 'no new privileges'
    | 'control group'
    | 'unprivileged user'
    | 'security module';
  readonly active: boolean;
  readonly detail: string;
}

export interface Capacity {
  readonly instances: number;
  /** The sum with its numbers, for a reader. */
  readonly formula: string;
}

/** Why a subject never became ready. */
export interface SubjectFailure {
  readonly run: number;
  readonly why: string;
  /** What the probe printed last. */
  readonly probeOutput: string;
  /** The instance's last log lines. */
  readonly log: string;
}
