import { recordsOf, type LogBatch } from '../lib/log-batch.ts';
import { encodeFrame } from './framing.ts';

export interface LogEncoding {
  /** Frames around each record (no terminal); else raw bytes. */
  readonly multiplexed: boolean;
  /** The time before each record. */
  readonly stamps: boolean;
  /** What stands before each record, after its time; undefined: nothing, not even the space. */
  readonly details?: string | undefined;
}

const HEADER_BYTES = 8;

/** A batch of records as its client reads it. Without anything before the records the result lies in the batch's own memory. */
export function encodeBatch(batch: LogBatch, { multiplexed, stamps, details }: LogEncoding): Uint8Array {
  if (!stamps && details === undefined) return multiplexed ? frameInPlace(batch) : joinInPlace(batch);
  const pieces: Uint8Array[] = [];
  for (const { stream, time, data } of recordsOf(batch)) {
    const prefix = `${stamps ? `${time} ` : ''}${details === undefined ? '' : `${details} `}`;
    if (multiplexed) pieces.push(encodeFrame(stream, data, prefix));
    else pieces.push(Buffer.from(prefix), data);
  }
  return Buffer.concat(pieces);
}

/** Each record has room for a header before it, and less is needed than what stood there: everything moves towards the beginning. */
function frameInPlace({ count, bytes, starts, ends, streams }: LogBatch): Uint8Array {
  let at = 0;
  for (let index = 0; index < count; index++) {
    const start = starts[index] ?? 0;
    const end = ends[index] ?? 0;
    const length = end - start;
    // Before the data is moved: the header may lie where it was.
    bytes.copyWithin(at + HEADER_BYTES, start, end);
    bytes[at] = streams[index] ?? 1;
    bytes[at + 1] = 0;
    bytes[at + 2] = 0;
    bytes[at + 3] = 0;
    bytes[at + 4] = length >>> 24;
    bytes[at + 5] = (length >>> 16) & 0xff;
    bytes[at + 6] = (length >>> 8) & 0xff;
    bytes[at + 7] = length & 0xff;
    at += HEADER_BYTES + length;
  }
  return bytes.subarray(0, at);
}

function joinInPlace({ count, bytes, starts, ends }: LogBatch): Uint8Array {
  let at = 0;
  for (let index = 0; index < count; index++) {
    const start = starts[index] ?? 0;
    const end = ends[index] ?? 0;
    bytes.copyWithin(at, start, end);
    at += end - start;
  }
  return bytes.subarray(0, at);
}
