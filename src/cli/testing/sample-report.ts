import type { ComparisonReport, Measured, SubjectReport } from '../../../api/native.ts';

const SAMPLE = { median: 2, min: 1, max: 3, samples: [1, 2, 3] };

/** A whole report for tests; every text in it is `text`. */
export function sampleReport(text: string): ComparisonReport {
  const none: Measured<never> = { notMeasured: text };
  return {
    format: 1,
    image: { reference: text, id: text },
    machine: text,
    probe: text,
    runs: 3,
    startedAt: 0,
    endedAt: 61_000,
    host: {
      name: text,
      cpus: 2,
      cpuModel: text,
      memory: 24 * 2 ** 30,
      memoryAvailable: 20 * 2 ** 30,
      kernel: text,
      operatingSystem: text,
      throughput: {
        cpu: { value: { median: 1e8, min: 1e8, max: 1e8, samples: [1e8] } },
        diskWrite: none,
        diskRead: none,
        networkIn: none,
        networkOut: none,
      },
    },
    subjects: [measured(text), failed(text)],
    skipped: [{ kind: 'machine', why: text }],
    notes: [text],
  };
}

function measured(detail: string): SubjectReport {
  const none: Measured<never> = { notMeasured: detail };
  const times = { create: 1, start: 45, ready: 12, total: 58 };
  const rate = {
    value: { perSecond: SAMPLE, relative: { median: 0.99, min: 0.5, max: 1.2, samples: [1] } },
  };
  return {
    kind: 'container',
    detail,
    warnings: [detail],
    start: {
      preparation: none,
      cold: { value: { ...times, total: 2150 } },
      warm: { value: { median: 58, min: 55, max: 61.25, samples: [58, 55, 61.25] } },
      warmParts: { value: times },
    },
    storage: {
      unique: { value: 0 },
      shared: { value: { bytes: 2048, parts: [{ what: detail, bytes: 2048 }] } },
    },
    memory: {
      value: { pss: SAMPLE, workload: 1, helpers: 1, processes: [], unique: 1, shared: 1 },
    },
    throughput: { cpu: rate, diskWrite: none, diskRead: rate, networkIn: rate, networkOut: rate },
    kernel: { value: { release: detail, version: detail, shared: true } },
    mechanisms: { value: [{ name: 'seccomp', active: true, detail }] },
    capacity: { value: { instances: 63_197, formula: detail } },
    failure: null,
  };
}

function failed(why: string): SubjectReport {
  const none: Measured<never> = { notMeasured: why };
  return {
    kind: 'vm',
    detail: why,
    warnings: [],
    start: { preparation: none, cold: none, warm: none, warmParts: none },
    storage: { unique: none, shared: none },
    memory: none,
    throughput: { cpu: none, diskWrite: none, diskRead: none, networkIn: none, networkOut: none },
    kernel: none,
    mechanisms: none,
    capacity: none,
    failure: { run: 1, why, probeOutput: why, log: why },
  };
}
