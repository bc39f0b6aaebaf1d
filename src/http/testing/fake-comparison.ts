import type { CompareRequest, Comparison } from '../../engine/api.ts';
import type { ComparisonReport } from '../../model/comparison.ts';
import { HullError } from '../../model/errors.ts';
import type { ProgressSink } from '../../model/progress.ts';

/** Compares nothing; an image named `endless` is compared until the client goes. */
export class FakeComparison implements Comparison {
  /** Why the last comparison was broken off. */
  broken: unknown = null;

  async compare(
    request: CompareRequest,
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<ComparisonReport> {
    if (request.probe === '') throw new HullError('invalid-argument', 'the probe is empty');
    onProgress({ phase: 'compare', message: 'container: run 1 of 1, cold' });
    if (request.image === 'endless') await this.#untilGone(signal);
    return reportOf(request);
  }

  async #untilGone(signal: AbortSignal | undefined): Promise<never> {
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    this.broken = signal?.reason;
    throw new HullError('internal', 'the client has gone');
  }
}

function reportOf({ image, machine, probe, runs, isolations }: CompareRequest): ComparisonReport {
  const none = { notMeasured: 'this engine is a fake' };
  const throughput = { cpu: none, diskWrite: none, diskRead: none, networkIn: none, networkOut: none };
  return {
    format: 1,
    image: { reference: image, id: 'sha256:1' },
    machine: machine ?? null,
    probe,
    runs: runs ?? 3,
    startedAt: 0,
    endedAt: 1000,
    host: {
      name: 'fake-host',
      cpus: 2,
      cpuModel: 'fake',
      memory: 8_000_000_000,
      memoryAvailable: 4_000_000_000,
      kernel: '6.1.0',
      operatingSystem: 'Debian GNU/Linux 12',
      throughput,
    },
    subjects: [],
    skipped: (isolations ?? ['container']).map((name) => ({
      kind: name === 'vm' ? 'vm' : 'container',
      why: 'this engine is a fake',
    })),
    notes: [],
  };
}
