export type LogStream = 'stdout' | 'stderr';

/** One piece of output: a whole line with its newline, or a part of one. */
export interface LogRecord {
  readonly stream: LogStream;
  /** RFC 3339 with nanoseconds, in UTC, ending in `Z`. */
  readonly time: string;
  readonly data: Uint8Array;
}

/** Bytes before each record's data that hold nothing any more: whoever is given the batch may write there. */
const RECORD_HEADROOM = 8;

/**
 * Records that were read together, as places in one memory: a log has millions of lines, and an object for each, handed on one by one, costs
 * ten times what the line itself does. The memory belongs to whoever is given the batch.
 */
export interface LogBatch {
  readonly count: number;
  readonly bytes: Buffer;
  /** Where the data of each record begins (after what precedes it by `RECORD_HEADROOM` or more), and where it ends. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1 for stdout, 2 for stderr. */
  readonly streams: Uint8Array;
  /** The time of a record, as `LogRecord` has it; before its memory is written over. */
  time(index: number): string;
}

export function* recordsOf(batch: LogBatch): Generator<LogRecord> {
  for (let index = 0; index < batch.count; index++) {
    yield {
      stream: batch.streams[index] === 2 ? 'stderr' : 'stdout',
      time: batch.time(index),
      data: batch.bytes.subarray(batch.starts[index], batch.ends[index]),
    };
  }
}

/** The same of records that are there one by one. */
export function batchOf(records: readonly LogRecord[]): LogBatch {
  const size = records.reduce((sum, { data }) => sum + RECORD_HEADROOM + data.byteLength, 0);
  const bytes = Buffer.alloc(size);
  const starts = new Uint32Array(records.length);
  const ends = new Uint32Array(records.length);
  let at = 0;
  for (const [index, { data }] of records.entries()) {
    at += RECORD_HEADROOM;
    bytes.set(data, at);
    starts[index] = at;
    at += data.byteLength;
    ends[index] = at;
  }
  const streams = Uint8Array.from(records, ({ stream }) => (stream === 'stderr' ? 2 : 1));
  return { count: records.length, bytes, starts, ends, streams, time: (index) => records[index]?.time ?? '' };
}
