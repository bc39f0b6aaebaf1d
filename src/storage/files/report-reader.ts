import type { Readable } from 'node:stream';
import { decodeBytes } from '../../lib/byte-text.ts';
import { HullError } from '../../model/errors.ts';
import type { FilesReport } from './files.ts';

/** What a crash may say of itself. */
const SAID_LIMIT = 4096;

/** The reports of a process, a line each; what else it says is kept for the error when it dies. */
export class ReportReader {
  readonly #lines: AsyncGenerator<FilesReport>;
  /** Asked for ahead: what nobody reads until the process has ended may be lost. */
  #ahead: Promise<IteratorResult<FilesReport>>;
  #said = '';

  constructor(stream: Readable | null) {
    this.#lines = this.#read(stream);
    this.#ahead = this.#take();
  }

  /** The next report. Rejects with `internal` when the process ended without one. */
  async next(): Promise<FilesReport> {
    const next = await this.#ahead;
    if (next.done !== true) {
      this.#ahead = this.#take();
      return next.value;
    }
    const said = this.#said === '' ? '' : `: ${this.#said.trim().slice(-1000)}`;
    throw new HullError('internal', `the process for an instance's files died${said}`);
  }

  #take(): Promise<IteratorResult<FilesReport>> {
    const next = this.#lines.next();
    next.catch(() => undefined);
    return next;
  }

  async *#read(stream: Readable | null): AsyncGenerator<FilesReport> {
    if (stream === null) return;
    let pieces: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let rest = chunk;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const report = this.#parse(decodeBytes(Buffer.concat([...pieces, rest.subarray(0, end)])));
        pieces = [];
        rest = rest.subarray(end + 1);
        if (report !== null) yield report;
      }
      if (rest.length > 0) pieces.push(rest);
    }
    this.#said += decodeBytes(Buffer.concat(pieces)).slice(0, SAID_LIMIT);
  }

  #parse(line: string): FilesReport | null {
    try {
      if (line.startsWith('{"kind":')) return JSON.parse(line) as FilesReport;
    } catch {
      // No report: a crash's own words.
    }
    this.#said = `${this.#said}${line}\n`.slice(-SAID_LIMIT);
    return null;
  }
}
