import { HullError } from '../../model/errors.ts';

/**
 * The agent protocol's frames (guest/PROTOCOL.md). The guest is untrusted: whatever it sends is bounded and checked here.
 *
 * ```
 * u8 0xA7 | u8 type | u16 0 | u32 stream | u32 length | u32 session | payload | u32 session      (little endian)
 * ```
 */
const PROTOCOL_VERSION = { oldest: 1, newest: 1 } as const;
export const PAYLOAD_MAX = 16_384;
export const STDIN_WINDOW = 65_536;
/** What the guest may send beyond its credit when a process has ended. */
export const FINAL_OVERSHOOT = 256 * 1024;
export const WORKLOAD_STREAM = 1;

export const FRAME = {
  configure: 1,
  start: 2,
  exec: 3,
  stdin: 4,
  stdinEnd: 5,
  credit: 6,
  signal: 7,
  resize: 8,
  attach: 9,
  detach: 10,
  stats: 11,
  processes: 12,
  readFile: 13,
  writeFile: 14,
  sync: 15,
  shutdown: 16,
  identity: 18,
  part: 19,
  tree: 20,
  clock: 21,
  hello: 64,
  ok: 65,
  error: 66,
  started: 67,
  output: 68,
  outputEnd: 69,
  exit: 70,
  stdinCredit: 71,
  data: 72,
} as const;

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

const MAGIC = 0xa7;
const HEADER = 16;
const TRAILER = 4;
const SYNC_WORD = Buffer.from('HULLSYNC');
const SYNC_BYTES = 24;
/** Bytes of lost connections that may precede the answer to a sync word. */
const SEEK_MAX = 4 << 20;

export function encodeFrame(session: number, type: number, stream: number, payload: Uint8Array): Uint8Array {
  if (payload.length > PAYLOAD_MAX)
    throw new HullError('internal', `a frame of ${payload.length} bytes is too long`);
  const bytes = Buffer.alloc(HEADER + payload.length + TRAILER);
  bytes[0] = MAGIC;
  bytes[1] = type;
  bytes.writeUInt32LE(stream, 4);
  bytes.writeUInt32LE(payload.length, 8);
  bytes.writeUInt32LE(session, 12);
  bytes.set(payload, HEADER);
  bytes.writeUInt32LE(session, HEADER + payload.length);
  return bytes;
}

/** A request whose payload may be longer than a frame. */
export function encodeRequest(
  session: number,
  type: number,
  stream: number,
  payload: Uint8Array,
): Uint8Array {
  const frames: Uint8Array[] = [];
  let rest = payload;
  for (; rest.length > PAYLOAD_MAX; rest = rest.subarray(PAYLOAD_MAX)) {
    frames.push(encodeFrame(session, FRAME.part, stream, rest.subarray(0, PAYLOAD_MAX)));
  }
  frames.push(encodeFrame(session, type, stream, rest));
  return Buffer.concat(frames);
}

/**
 * What a connection begins with: zeros that complete whatever frame an earlier connection left half sent (its last word will be wrong, so it
 * is dropped), then the sync word with this connection's number. The session is the number's low half, never 0.
 */
export function encodeSync(number: Uint8Array): { bytes: Uint8Array; session: number } {
  const padding = HEADER + PAYLOAD_MAX + TRAILER;
  const bytes = Buffer.alloc(padding + SYNC_BYTES);
  bytes.set(SYNC_WORD, padding);
  bytes.set(number.subarray(0, 8), padding + 8);
  bytes[padding + 8] = (bytes[padding + 8] ?? 0) | 1;
  bytes.writeUInt16LE(PROTOCOL_VERSION.oldest, padding + 16);
  bytes.writeUInt16LE(PROTOCOL_VERSION.newest, padding + 18);
  return { bytes, session: bytes.readUInt32LE(padding + 8) };
}

/** Takes the guest's bytes apart. One per connection; `push` throws on anything that breaks the protocol, and then the connection is over. */
export class FrameDecoder {
  readonly #session: number;
  readonly #answer: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #skipped = 0;
  #version = 0;

  /** `sync`: as `encodeSync` returned. */
  constructor(sync: { bytes: Uint8Array; session: number }) {
    this.#session = sync.session;
    const start = sync.bytes.length - SYNC_BYTES;
    this.#answer = Buffer.from(sync.bytes.subarray(start, start + 16));
  }

  /** 0 until the guest has answered. */
  get version(): number {
    return this.#version;
  }

  push(chunk: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    if (this.#version === 0 && !this.#seek()) return [];
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame !== null; frame = this.#take()) frames.push(frame);
    return frames;
  }

  /** Skips what earlier connections left, up to the guest's answer. */
  #seek(): boolean {
    const at = this.#rest.indexOf(this.#answer);
    const keep = at >= 0 ? at : Math.max(0, this.#rest.length - this.#answer.length);
    this.#skipped += keep;
    this.#rest = this.#rest.subarray(keep);
    if (this.#skipped > SEEK_MAX) throw broken('it floods the connection before it answers');
    if (at < 0 || this.#rest.length < SYNC_BYTES) return false;
    this.#version = this.#rest.readUInt16LE(16);
    if (this.#version < PROTOCOL_VERSION.oldest || this.#version > PROTOCOL_VERSION.newest) {
      throw new HullError(
        'guest-unreachable',
        'the guest agent speaks no version of the protocol that this engine knows; restart the instance',
      );
    }
    this.#rest = this.#rest.subarray(SYNC_BYTES);
    return true;
  }

  #take(): Frame | null {
    if (this.#rest.length < HEADER) return null;
    const length = this.#rest.readUInt32LE(8);
    if (this.#rest[0] !== MAGIC || this.#rest.readUInt32LE(12) !== this.#session)
      throw broken('a frame has a wrong head');
    if (length > PAYLOAD_MAX) throw broken(`a frame claims ${length} bytes`);
    const whole = HEADER + length + TRAILER;
    if (this.#rest.length < whole) return null;
    if (this.#rest.readUInt32LE(HEADER + length) !== this.#session) throw broken('a frame has a wrong end');
    const frame = {
      type: this.#rest[1] ?? 0,
      stream: this.#rest.readUInt32LE(4),
      payload: this.#rest.subarray(HEADER, HEADER + length),
    };
    this.#rest = this.#rest.subarray(whole);
    return frame;
  }
}

function broken(how: string): HullError {
  return new HullError('guest-unreachable', `the guest agent breaks the protocol: ${how}`);
}
