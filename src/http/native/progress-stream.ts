import type { ProgressSink } from '../../model/progress.ts';
import { HullError, toHullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { toNativeError } from './errors.ts';

/**
 * Answers with a stream of progress lines; the last line is what `work` returns, or `{error}`. The stream opens with the first
 * line: what fails before it fails as HTTP does, with a status. `work` is aborted when the client goes.
 */
export async function streamProgress(
  exchange: Exchange,
  work: (onProgress: ProgressSink, signal: AbortSignal) => Promise<object>,
): Promise<void> {
  const open = () => exchange.openJson('application/x-ndjson');
  let sink: ReturnType<typeof open> | null = null;
  const write = (value: object) => (sink ??= open()).write(value);
  try {
    const result = await work((progress) => void write(progress), exchange.signal);
    await write(result);
  } catch (error) {
    if (sink === null) throw error instanceof HullError ? error : toHullError(error);
    await write({ error: toNativeError(toHullError(error)) });
  }
  (sink as ReturnType<typeof open> | null)?.end();
}
