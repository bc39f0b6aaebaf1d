import { createHash } from 'node:crypto';
import { HullError } from '../model/errors.ts';
import type { HijackedConnection, ResponseHeaders } from './responder.ts';
import type { RequestHeaders } from './wire/request-head.ts';

/** RFC 6455, section 1.3. */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FINAL = 0x80;
const MASKED = 0x80;
/** Bytes of the header of a frame at most: two, a long length, the mask. */
const MAX_CONTROL = 125;
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;

/** The headers that accept a websocket (RFC 6455, section 4.2). Throws `invalid-argument` where the client asks for none. */
export function websocketHeaders(headers: RequestHeaders, upgrade: string | null): ResponseHeaders {
  const key = headers['sec-websocket-key'];
  if (
    upgrade?.toLowerCase() !== 'websocket' ||
    headers['sec-websocket-version'] !== '13' ||
    key === undefined
  ) {
    throw new HullError('invalid-argument', 'not a websocket handshake of version 13 (RFC 6455)');
  }
  const accept = createHash('sha1')
    .update(key + MAGIC)
    .digest('base64');
  return { Upgrade: 'websocket', 'Sec-WebSocket-Accept': accept };
}

/**
 * A connection whose bytes travel in websocket messages: what is written goes out in binary ones, what arrives in messages of any kind is
 * handed over as it comes. The end of input is the client's close.
 */
export function overWebsocket(connection: HijackedConnection): HijackedConnection {
  let ended = false;
  const send = (opcode: number, data: Uint8Array): Promise<void> => connection.write(frame(opcode, data));
  const end = (status = NORMAL): void => {
    if (ended) return;
    ended = true;
    void send(OPCODE.close, Uint8Array.of(status >> 8, status & 0xff));
    connection.end();
  };
  return {
    write: async (data) => {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      if (!ended && bytes.byteLength > 0) await send(OPCODE.binary, bytes);
    },
    end: () => end(),
    receive: (onData, onEnd) => {
      let over = false;
      const finish = async (): Promise<void> => {
        if (over) return;
        over = true;
        await onEnd();
      };
      const parser = new FrameParser({
        data: onData,
        ping: (data) => (ended ? Promise.resolve() : send(OPCODE.pong, data)),
        close: finish,
      });
      connection.receive(async (data) => {
        if (over) return;
        if (await parser.take(data)) return;
        end(PROTOCOL_ERROR);
        await finish();
      }, finish);
    },
  };
}

/** One whole message, unmasked, as servers send it. */
function frame(opcode: number, data: Uint8Array): Uint8Array {
  const { byteLength: length } = data;
  const head =
    length <= MAX_CONTROL
      ? Buffer.from([FINAL | opcode, length])
      : length < 0x10000
        ? Buffer.from([FINAL | opcode, 126, length >> 8, length & 0xff])
        : Buffer.from([FINAL | opcode, 127, 0, 0, 0, 0, ...uint32(length)]);
  return Buffer.concat([head, data]);
}

function uint32(value: number): readonly number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

interface FrameEvents {
  data(data: Uint8Array): Promise<void>;
  ping(data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

interface FrameHead {
  readonly opcode: number;
  readonly mask: Uint8Array;
  left: number;
  position: number;
}

/** Takes messages apart as their bytes arrive; the data of large ones is not gathered. */
class FrameParser {
  readonly #events: FrameEvents;
  #held: Buffer = Buffer.alloc(0);
  #current: FrameHead | null = null;
  #control: Buffer = Buffer.alloc(0);

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** False when what came is no websocket frame: nothing after it can be understood. */
  async take(data: Uint8Array): Promise<boolean> {
    this.#held = Buffer.concat([this.#held, data]);
    for (;;) {
      if (this.#current === null) {
        const head = parseHead(this.#held);
        if (head === 'more') return true;
        if (head === 'wrong') return false;
        this.#current = head.frame;
        this.#held = this.#held.subarray(head.length);
      }
      const current = this.#current;
      const piece = this.#held.subarray(0, current.left);
      this.#held = this.#held.subarray(piece.length);
      unmask(piece, current);
      current.left -= piece.length;
      if (current.opcode < OPCODE.close) {
        if (piece.length > 0) await this.#events.data(piece);
      } else {
        this.#control = Buffer.concat([this.#control, piece]);
      }
      if (current.left > 0) return true;
      this.#current = null;
      if (current.opcode >= OPCODE.close) await this.#endControl(current.opcode);
      // Nothing counts after a close.
      if (current.opcode === OPCODE.close) return true;
    }
  }

  async #endControl(opcode: number): Promise<void> {
    const data = this.#control;
    this.#control = Buffer.alloc(0);
    if (opcode === OPCODE.ping) await this.#events.ping(data);
    else if (opcode === OPCODE.close) await this.#events.close();
  }
}

/** A client's frames are masked, and control frames are short and whole (RFC 6455, sections 5.1 and 5.5). */
function parseHead(held: Buffer): { frame: FrameHead; length: number } | 'more' | 'wrong' {
  const [first, second] = held;
  if (first === undefined || second === undefined) return 'more';
  const opcode = first & 0x0f;
  const short = second & 0x7f;
  const control = opcode >= OPCODE.close;
  const known = opcode <= OPCODE.binary || (control && opcode <= OPCODE.pong);
  if (!known || (first & 0x70) !== 0 || (second & MASKED) === 0) return 'wrong';
  if (control && (short > MAX_CONTROL || (first & FINAL) === 0)) return 'wrong';
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const length = 2 + extra + 4;
  if (held.length < length) return 'more';
  const size = extra === 0 ? short : extra === 2 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
  if (!Number.isSafeInteger(size)) return 'wrong';
  return {
    frame: { opcode, mask: Uint8Array.from(held.subarray(length - 4, length)), left: size, position: 0 },
    length,
  };
}

function unmask(data: Uint8Array, head: FrameHead): void {
  for (let index = 0; index < data.length; index++) {
    data[index] = (data[index] ?? 0) ^ (head.mask[(head.position + index) & 3] ?? 0);
  }
  head.position += data.length;
}
