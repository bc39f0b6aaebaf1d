import type { LogBatch, LogStream } from '../lib/log-batch.ts';
import { type LogLine, parseLogLine } from './log-line.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const DOT = 0x2e;
/** `2026-11-22T12:39:31.708534235+00:00 stdout F `: what conmon writes before each piece. */
const TIME_LENGTH = 35;
const PREFIX_LENGTH = 45;
const F = 0x46;
const P = 0x50;
const O = 0x6f;
const E = 0x65;
const decoder = new TextDecoder('latin1');

/** Which records are wanted; `time` costs something, so it is asked last. */
export type Wanted = (stream: LogStream, offset: number, line: () => LogLine | null) => boolean;

/** Parses whole lines, each with its newline; `offset` is where they begin in their file. What is no log line is left out. */
export function parseLogLines(bytes: Buffer, offset: number, wanted: Wanted): LogBatch {
  const table = new RecordTable(bytes);
  for (let begin = 0; begin < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, begin);
    const end = newline < 0 ? bytes.length : newline;
    table.add(begin, end, offset, wanted);
    begin = end + 1;
  }
  return table;
}

class RecordTable implements LogBatch {
  readonly bytes: Buffer;
  count = 0;
  starts = new Uint32Array(64);
  ends = new Uint32Array(64);
  streams = new Uint8Array(64);
  /** Where the lines begin: their times are read when somebody asks. */
  #begins = new Uint32Array(64);

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  time(index: number): string {
    return this.#line(this.#begins[index] ?? 0, this.ends[index] ?? 0)?.time ?? '';
  }

  add(begin: number, end: number, offset: number, wanted: Wanted): void {
    const start = quickStart(this.bytes, begin, end) ?? this.#slowStart(begin, end);
    if (start === null) return;
    const stream = this.bytes[start - 6] === O ? 'stdout' : 'stderr';
    if (!wanted(stream, offset + begin, () => this.#line(begin, end))) return;
    if (this.count === this.starts.length) this.#grow();
    const { count } = this;
    this.#begins[count] = begin;
    this.starts[count] = start;
    // The newline that ends a full line here is the one that ended it when it was printed.
    this.ends[count] = this.bytes[start - 2] === F ? end + 1 : end;
    this.streams[count] = stream === 'stderr' ? 2 : 1;
    this.count += 1;
  }

  /** A time of another length than conmon's. */
  #slowStart(begin: number, end: number): number | null {
    const line = this.#line(begin, end);
    if (line === null) return null;
    const text = decoder.decode(this.bytes.subarray(begin, Math.min(end, begin + 50)));
    return begin + text.indexOf(' ') + 10;
  }

  #line(begin: number, end: number): LogLine | null {
    const last = this.bytes[end - 1] === NEWLINE ? end - 1 : end;
    return parseLogLine(this.bytes.subarray(begin, last));
  }

  #grow(): void {
    const size = this.count * 2;
    const grown = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const made = new Uint32Array(size);
      made.set(old);
      return made;
    };
    this.#begins = grown(this.#begins);
    this.starts = grown(this.starts);
    this.ends = grown(this.ends);
    const streams = new Uint8Array(size);
    streams.set(this.streams);
    this.streams = streams;
  }
}

/** Where the data of a line in conmon's own form begins; null for every other. */
function quickStart(bytes: Buffer, begin: number, end: number): number | null {
  const space = begin + TIME_LENGTH;
  if (end < begin + PREFIX_LENGTH) return null;
  if (bytes[space] !== SPACE || bytes[space + 7] !== SPACE || bytes[space + 9] !== SPACE) return null;
  if (bytes[begin + 19] !== DOT) return null;
  const letter = bytes[space + 4];
  const tag = bytes[space + 8];
  return (letter === O || letter === E) && (tag === F || tag === P) ? begin + PREFIX_LENGTH : null;
}
