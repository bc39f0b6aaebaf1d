import { HullError } from '../../model/errors.ts';
import type { TerminalSize } from '../../model/instance.ts';
import type { OutputChunk } from '../runtime.ts';
import { sizeBytes } from './agent-fields.ts';
import { FINAL_OVERSHOOT, FRAME, PAYLOAD_MAX, STDIN_WINDOW } from './agent-protocol.ts';
import { ChunkQueue } from './chunk-queue.ts';

/** Bytes of output that may be under way per stream: what a stalled reader costs at most. */
export const OUTPUT_WINDOW = 256 * 1024;
const CREDIT_STEP = OUTPUT_WINDOW / 4;

type Send = (type: number, stream: number, payload: Uint8Array) => Promise<void>;

/** One process's (or file's) stdio over the agent connection, with flow control both ways. */
export class AgentStream {
  readonly id: number;
  readonly #send: Send;
  readonly #output: ChunkQueue;
  #credit = 0;
  #taken = 0;
  #window = STDIN_WINDOW;
  #waiting: (() => void)[] = [];
  #inputEnded = false;
  #over = false;
  readonly #exit = Promise.withResolvers<number | null>();

  constructor(id: number, send: Send) {
    this.id = id;
    this.#send = send;
    this.#output = new ChunkQueue((bytes) => this.#consumed(bytes));
  }

  get output(): AsyncIterable<OutputChunk> {
    return this.#output;
  }

  /** Exit status; null when the connection was lost first. Never rejects. */
  get exited(): Promise<number | null> {
    return this.#exit.promise;
  }

  /** Lets the first output come. */
  async open(): Promise<void> {
    this.#credit = OUTPUT_WINDOW;
    await this.#send(FRAME.credit, this.id, u32(OUTPUT_WINDOW));
  }

  /** Waits for the window; input for a process that has ended is dropped. */
  async write(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0 && !this.#over && !this.#inputEnded;) {
      if (this.#window === 0) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      const piece = rest.subarray(0, Math.min(rest.length, this.#window, PAYLOAD_MAX));
      this.#window -= piece.length;
      rest = rest.subarray(piece.length);
      await this.#send(FRAME.stdin, this.id, piece);
    }
  }

  async endInput(): Promise<void> {
    if (this.#inputEnded || this.#over) return;
    this.#inputEnded = true;
    await this.#send(FRAME.stdinEnd, this.id, new Uint8Array());
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.#over) await this.#send(FRAME.resize, this.id, sizeBytes(size));
  }

  /** The process goes on, its output is dropped inside the guest. */
  async detach(): Promise<void> {
    if (this.#over) return;
    this.#output.drop();
    await this.#send(FRAME.detach, this.id, new Uint8Array());
  }

  /** A frame of the guest's for this stream. Throws when it breaks the protocol. */
  receive(type: number, payload: Uint8Array): void {
    if (type === FRAME.output) this.#receiveOutput(payload);
    else if (type === FRAME.outputEnd) this.#output.end();
    else if (type === FRAME.stdinCredit) this.#receiveWindow(readU32(payload));
    else if (type === FRAME.exit) this.finish(readU32(payload) & 0xff);
  }

  /** The process has ended, or (null) nobody will ever know. */
  finish(status: number | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#output.end();
    this.#exit.resolve(status);
    this.#wake();
  }

  #receiveOutput(payload: Uint8Array): void {
    const data = payload.subarray(1);
    this.#credit -= data.length;
    if (this.#credit < -FINAL_OVERSHOOT) {
      throw new HullError(
        'guest-unreachable',
        `the guest agent breaks the protocol: it floods stream ${this.id}`,
      );
    }
    this.#output.push({ stream: payload[0] === 2 ? 'stderr' : 'stdout', data: Buffer.from(data) });
  }

  #receiveWindow(bytes: number): void {
    this.#window = Math.min(STDIN_WINDOW, this.#window + bytes);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #consumed(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < CREDIT_STEP || this.#over) return;
    const step = this.#taken;
    this.#taken = 0;
    this.#credit += step;
    // A lost connection ends the stream by itself.
    this.#send(FRAME.credit, this.id, u32(step)).catch(() => undefined);
  }
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** 0 when shorter. */
export function readU32(bytes: Uint8Array, offset = 0): number {
  if (bytes.length < offset + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}
