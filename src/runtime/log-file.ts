import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { LogBatch } from '../lib/log-batch.ts';
import { at } from '../lib/timers.ts';
import { millisecondsOf } from '../lib/timestamp.ts';
import type { LogQuery } from '../model/log-query.ts';
import { type LogLine, logTimeNanoseconds, parseLogLine } from './log-line.ts';
import { parseLogLines } from './log-parse.ts';
import { type LogFile, openGenerations } from './log-generations.ts';
import { endOfLastLine, LineReader, readBackwards } from './log-reader.ts';
import { LogSuccession } from './log-succession.ts';

export { LogRotator, rotateLog } from './log-rotation.ts';
export type { LogLine } from './log-line.ts';

type Stream = LogLine['stream'];

/** Where the wanted lines of each stream begin: a generation, counted from the oldest, and an offset in it. */
type Beginnings = ReadonlyMap<Stream, { readonly generation: number; readonly offset: number }>;

/**
 * Reads a log, rotated files first, oldest to newest: whole lines with their newline, long or unfinished ones in parts, so that the data of a
 * stream joined together is what was printed. Following goes on through rotations without losing or repeating a line, until `signal` says
 * that no more will come: what was written by then is still delivered. A log that does not exist is empty. What is no log line is left out.
 */
export async function* readLog(
  path: string,
  query: LogQuery,
  signal?: AbortSignal,
): AsyncGenerator<LogBatch> {
  // Where nothing more can come, there may not even be a folder to watch.
  const wake = query.follow && signal?.aborted !== true ? new Wake(path, query.until, signal) : null;
  const opened = openGenerations(path);
  const succession = new LogSuccession(path, opened.at(-1)?.inode ?? null);
  wake?.tell(succession);
  try {
    const beginnings = query.tail === null ? null : await findTail(opened, query.tail, query);
    let reader: LineReader | null = null;
    for (const [index, file] of opened.entries()) {
      const first = earliest(beginnings, index);
      if (first === Infinity) continue;
      reader = new LineReader(file, first);
      yield* select(reader, query, (stream, offset) => isWanted(beginnings, stream, index, offset));
    }
    if (wake !== null) yield* follow(reader, succession, query, wake);
  } finally {
    wake?.close();
    succession.close();
    for (const file of opened) file.close();
  }
}

/** Reads on from `current`, into whatever files come after its own, until `wake` is over. */
async function* follow(
  start: LineReader | null,
  succession: LogSuccession,
  query: LogQuery,
  wake: Wake,
): AsyncGenerator<LogBatch> {
  let current = start;
  let own: LogFile | null = null;
  try {
    for (;;) {
      // Before reading: what is written after the last word must have been seen before this is asked.
      const last = wake.over;
      const before = current?.position;
      if (current !== null) yield* select(current, query);
      const next = succession.take();
      if (next !== null) {
        // Nothing is written to a file that another has replaced, but something may have been since it was read.
        if (current !== null) yield* select(current, query);
        own?.close();
        own = next;
        current = new LineReader(next, 0);
      } else if (last) {
        return;
      } else {
        await wake.next(current !== null && current.position !== before);
      }
    }
  } finally {
    own?.close();
  }
}

/** The wanted lines up to the end of the file as it is now. */
async function* select(
  reader: LineReader,
  query: LogQuery,
  wanted: (stream: Stream, offset: number) => boolean = () => true,
): AsyncGenerator<LogBatch> {
  const timed = query.since !== null || query.until !== null;
  for await (const { bytes, offset } of reader.blocks()) {
    const batch = parseLogLines(bytes, offset, (stream, place, read) => {
      if (!query[stream] || !wanted(stream, place)) return false;
      const line = timed ? read() : null;
      return line === null ? !timed : inTime(line, query);
    });
    if (batch.count > 0) yield batch;
  }
}

function inTime(line: LogLine, { since, until }: LogQuery): boolean {
  if (since === null && until === null) return true;
  const time = logTimeNanoseconds(line.time);
  return (since === null || time >= since) && (until === null || time <= until);
}

/**
 * Finds where the last `count` lines begin, reading backwards in blocks. A line's earlier parts may lie before other streams' lines, so each
 * stream has a beginning of its own.
 */
async function findTail(
  generations: readonly LogFile[],
  count: number,
  query: LogQuery,
): Promise<Beginnings> {
  const newest = generations.length - 1;
  const end = { generation: newest, offset: await endOfLastLine(generations[newest]) };
  const beginnings = new Map<Stream, { generation: number; offset: number }>([
    ['stdout', end],
    ['stderr', end],
  ]);
  const begun = new Set<Stream>();
  const complete = new Set<Stream>();
  let lines = 0;
  for (const [generation, file] of [...generations.entries()].toReversed()) {
    for await (const { bytes, offset } of readBackwards(file)) {
      const line = parseLogLine(bytes);
      const isNew = generation === newest && offset >= end.offset;
      if (line === null || isNew || !query[line.stream] || complete.has(line.stream)) continue;
      const ends = line.data.at(-1) === NEWLINE || !begun.has(line.stream);
      if (ends && lines >= count) complete.add(line.stream);
      else beginnings.set(line.stream, { generation, offset });
      if (!complete.has(line.stream)) begun.add(line.stream);
      if (ends) lines += 1;
      if (lines >= count && [...begun].every((stream) => complete.has(stream))) return beginnings;
    }
  }
  return beginnings;
}

const NEWLINE = 0x0a;

/** Where reading a generation begins; the end of the file for one that has nothing wanted. */
function earliest(beginnings: Beginnings | null, index: number): number {
  if (beginnings === null) return 0;
  return Math.min(
    ...[...beginnings.values()].map(({ generation, offset }) =>
      generation < index ? 0 : generation === index ? offset : Infinity,
    ),
  );
}

function isWanted(beginnings: Beginnings | null, stream: Stream, index: number, offset: number): boolean {
  const start = beginnings?.get(stream);
  if (start === undefined) return true;
  return start.generation < index || (start.generation === index && start.offset <= offset);
}

/** Milliseconds after a change until the log is looked at once more. */
const SETTLE = 5;

/** Tells a follower that the log may have changed, or that it is over. */
class Wake {
  #ring: (() => void) | null = null;
  #rung = false;
  #changed = false;
  over = false;
  #succession: LogSuccession | null = null;
  readonly #close: () => void;

  constructor(path: string, until: bigint | null, signal: AbortSignal | undefined) {
    const name = basename(path);
    // The folder, not the file: the file is replaced when the log is rotated.
    const watcher = watch(dirname(path), { persistent: false }, (_, changed) => {
      if (changed === null || changed === name) this.#changedNow();
    });
    const finish = () => {
      this.over = true;
      this.#wake();
    };
    watcher.on('error', finish);
    const end = until === null ? null : at(millisecondsOf(until), finish);
    if (signal?.aborted === true) finish();
    signal?.addEventListener('abort', finish, { once: true });
    this.#close = () => {
      end?.[Symbol.dispose]();
      signal?.removeEventListener('abort', finish);
      watcher.close();
    };
  }

  /** Has each change looked at as it comes, also while the reader is busy. */
  tell(succession: LogSuccession): void {
    this.#succession = succession;
  }

  #changedNow(): void {
    try {
      this.#succession?.look();
    } catch {
      // The reader looks, too, and is told.
    }
    this.#wake();
  }

  /**
   * Waits for a change. `moving`: there was something new just now. The runtime's watcher drops an event that follows another within a
   * millisecond, so that after each change one more look is taken, until nothing moves.
   */
  async next(moving: boolean): Promise<void> {
    const settling = moving || this.#changed;
    this.#changed = false;
    if (this.over || this.#rung) return this.#reset();
    const timer = settling ? setTimeout(() => this.#ring?.(), SETTLE) : undefined;
    await new Promise<void>((resolve) => (this.#ring = resolve));
    clearTimeout(timer);
    this.#reset();
  }

  #reset(): void {
    this.#rung = false;
    this.#ring = null;
  }

  close(): void {
    this.#close();
  }

  #wake(): void {
    this.#rung = true;
    this.#changed = true;
    this.#ring?.();
  }
}
