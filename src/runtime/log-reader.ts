import type { LogFile } from './log-generations.ts';

/** A line without its newline, and where it begins in its file. */
export interface RawLine {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Whole lines, each with its newline, and where they begin in their file. */
export interface LineBlock {
  readonly bytes: Buffer;
  readonly offset: number;
}

const BLOCK = 64 * 1024;
/** Bytes read at once when going forward. */
const READ = 256 * 1024;
const NEWLINE = 0x0a;
/** No monitor writes longer lines; what is longer is no log, and is not kept in memory. */
const MAX_LINE = 1024 * 1024;

/** Reads whole lines from a file that grows; a line whose newline is not there yet waits. */
export class LineReader {
  readonly #file: LogFile;
  #position: number;
  #rest: Uint8Array = new Uint8Array();

  constructor(file: LogFile, offset: number) {
    this.#file = file;
    this.#position = offset;
  }

  /** How far the file has been read. */
  get position(): number {
    return this.#position;
  }

  /** The whole lines up to the file's end, as many as were read together; may be called again when more was written. The memory is the receiver's. */
  async *blocks(): AsyncGenerator<LineBlock> {
    for (;;) {
      const kept = this.#rest.length;
      const memory = Buffer.allocUnsafeSlow(kept + READ);
      memory.set(this.#rest);
      const bytesRead = await this.#file.read(memory, kept, READ, this.#position);
      if (bytesRead === 0) return;
      const offset = this.#position - kept;
      this.#position += bytesRead;
      const text = memory.subarray(0, kept + bytesRead);
      const end = text.lastIndexOf(NEWLINE) + 1;
      // A copy: what was read is given away.
      this.#rest = text.length - end > MAX_LINE ? new Uint8Array() : Uint8Array.from(text.subarray(end));
      if (end > 0) yield { bytes: text.subarray(0, end), offset };
    }
  }
}

/** The lines of a file from the last whole one to the first, read in blocks from the end. */
export async function* readBackwards(file: LogFile): AsyncGenerator<RawLine> {
  let position = file.size;
  let rest: Uint8Array = new Uint8Array();
  // What follows the last newline is no whole line.
  let whole = false;
  while (position > 0) {
    const length = Math.min(BLOCK, position);
    position -= length;
    const buffer = Buffer.allocUnsafe(length);
    const bytesRead = await file.read(buffer, 0, length, position);
    const text = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
    let end = text.length;
    for (let newline = lastNewline(text, end); newline >= 0; newline = lastNewline(text, end)) {
      if (whole) yield { bytes: text.subarray(newline + 1, end), offset: position + newline + 1 };
      whole = true;
      end = newline;
    }
    rest = end > MAX_LINE ? new Uint8Array() : text.subarray(0, end);
  }
  if (whole) yield { bytes: rest, offset: 0 };
}

/** The offset just after the last newline; 0 without one or without a file. */
export async function endOfLastLine(file: LogFile | undefined): Promise<number> {
  let position = file === undefined ? 0 : file.size;
  while (file !== undefined && position > 0) {
    const length = Math.min(BLOCK, position);
    position -= length;
    const buffer = Buffer.allocUnsafe(length);
    const bytesRead = await file.read(buffer, 0, length, position);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) return position + newline + 1;
  }
  return 0;
}

function lastNewline(text: Buffer, before: number): number {
  return before === 0 ? -1 : text.lastIndexOf(NEWLINE, before - 1);
}
