import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { formatLog } from '../log-line.ts';
import { rotateLog } from '../log-rotation.ts';
import type { LogTarget } from '../runtime.ts';

const PACE = 100;
const CHUNK = 64 * 1024;
/** The raw console file is emptied when it has grown to this and all of it is in the log. */
const RAW_MAX = 4 << 20;

/**
 * A machine's console as log lines. QEMU appends the raw bytes to a file, whether or not a daemon runs; this carries them over to the log
 * and remembers how far it came, so that nothing is lost or told twice across daemons.
 */
export class ConsoleLog {
  readonly #raw: string;
  readonly #log: LogTarget;
  readonly #onData: (data: Uint8Array) => void;
  #offset: number;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** `raw`: QEMU's file. `onData` sees the raw bytes too, for who is attached. */
  constructor(raw: string, log: LogTarget, onData: (data: Uint8Array) => void) {
    this.#raw = raw;
    this.#log = log;
    this.#onData = onData;
    this.#offset = existsSync(this.#offsetFile) ? Number(readFileSync(this.#offsetFile, 'utf8')) || 0 : 0;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#carry(), PACE);
    // A daemon that ends does not wait for a console.
    this.#timer.unref();
  }

  /** Carries over what is there, then rests. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#carry();
  }

  get #offsetFile(): string {
    return `${this.#raw}.offset`;
  }

  #carry(): void {
    const size = statSync(this.#raw, { throwIfNoEntry: false })?.size ?? 0;
    // Emptied by a daemon that died before it could say so.
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return;
    const file = openSync(this.#raw, 'r');
    try {
      const buffer = Buffer.alloc(CHUNK);
      // Up to where it was: a machine that prints without end must not keep the daemon here.
      while (this.#offset < size) {
        const count = readSync(file, buffer, 0, CHUNK, this.#offset);
        if (count === 0) break;
        this.#offset += count;
        this.#write(Buffer.from(buffer.subarray(0, count)));
      }
    } finally {
      closeSync(file);
    }
    if (this.#offset >= RAW_MAX && statSync(this.#raw).size === this.#offset) {
      truncateSync(this.#raw, 0);
      this.#offset = 0;
    }
    writeFileSync(this.#offsetFile, String(this.#offset));
  }

  #write(data: Uint8Array): void {
    this.#onData(data);
    const lines = formatLog('stdout', data, Date.now());
    const { path, hardLimit, files } = this.#log;
    if (lines.length > hardLimit) return;
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size + lines.length > hardLimit) rotateLog(path, files);
    appendFileSync(path, lines);
  }
}
