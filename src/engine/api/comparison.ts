import type { ComparisonReport } from '../../model/comparison.ts';
import type { ProgressSink } from '../../model/progress.ts';

export interface CompareRequest {
  readonly image: string;
  /** A machine disk to measure too. */
  readonly machine?: string;
  /** Run by `sh -c` on the host, with HULL_ADDRESS, HULL_NAME and HULL_ISOLATION; succeeds once the application answers. */
  readonly probe: string;
  /** Of each isolation; the first is cold. */
  readonly runs?: number;
  /** Default: all that the host can do. */
  readonly isolations?: readonly string[];
}

export interface Comparison {
  /** Takes minutes. `wrong-state` while another one runs; what cannot be measured is said in the report. Everything that was started is removed on every path. */
  compare(request: CompareRequest, onProgress: ProgressSink, signal?: AbortSignal): Promise<ComparisonReport>;
}
