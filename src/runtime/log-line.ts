/**
 * One line of an instance's log, in the format that conmon writes for its `k8s-file` driver (CRI logging):
 *
 * ```
 * 2026-11-22T12:39:31.708534235+00:00 stdout F text
 * ```
 * Time, stream, `F` (the line ended with a newline) or `P` (it goes on in the stream's next line), then the bytes, whatever they are.
 */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, in UTC, ending in `Z`. */
  readonly time: string;
  /** With its newline when the line is full. */
  readonly data: Uint8Array;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
/** `2026-11-22T12:39:31.708534235+00:00` and the like. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
const decoder = new TextDecoder('latin1');

/** Writes `data` as log lines; a newline inside it ends a line, what follows the last one becomes a part. */
export function formatLog(stream: 'stdout' | 'stderr', data: Uint8Array, milliseconds: number): Uint8Array {
  const time = new Date(milliseconds).toISOString().replace('Z', '000000+00:00');
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < data.length;) {
    const newline = data.indexOf(NEWLINE, start);
    const end = newline < 0 ? data.length : newline;
    const head = Buffer.from(`${time} ${stream} ${newline < 0 ? 'P' : 'F'} `);
    pieces.push(head, data.subarray(start, end), Buffer.from('\n'));
    start = end + 1;
  }
  return Buffer.concat(pieces);
}

/** Parses one line, given without its newline; null when it is not in the format (a torn line after a crash, or somebody else's text). */
export function parseLogLine(line: Uint8Array): LogLine | null {
  const first = line.indexOf(SPACE);
  if (first < 0 || first > 40) return null;
  const time = normalTime(decoder.decode(line.subarray(0, first)));
  const tag = decoder.decode(line.subarray(first + 1, first + 10));
  const match = /^(stdout|stderr) ([FP]) /.exec(tag);
  if (time === null || match === null) return null;
  const text = line.subarray(first + 10);
  const data = match[2] === 'F' ? Buffer.concat([text, Buffer.from('\n')]) : text;
  return { stream: match[1] === 'stderr' ? 'stderr' : 'stdout', time, data };
}

/** Nanoseconds since the epoch of a `LogLine.time`. */
export function logTimeNanoseconds(time: string): bigint {
  const match = TIME.exec(time);
  if (match === null) return 0n;
  const seconds = BigInt(Date.parse(`${match[1] ?? ''}Z`) / 1000);
  return seconds * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** The same moment in UTC with nine digits; null when it is no time. The monitor writes the host's local time. */
function normalTime(text: string): string | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const zone = match[3] ?? 'Z';
  const nanoseconds = (match[2] ?? '').padEnd(9, '0');
  if (zone === 'Z' || zone === '+00:00') return `${match[1] ?? ''}.${nanoseconds}Z`;
  const moment = Date.parse(`${match[1] ?? ''}${zone}`);
  return Number.isNaN(moment) ? null : `${new Date(moment).toISOString().slice(0, 19)}.${nanoseconds}Z`;
}
