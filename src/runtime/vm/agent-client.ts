import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { HullError } from '../../model/errors.ts';
import { FIELD, numberField, readFields } from './agent-fields.ts';
import {
  encodeRequest,
  encodeSync,
  FRAME,
  type Frame,
  FrameDecoder,
  WORKLOAD_STREAM,
} from './agent-protocol.ts';
import { AgentStream, readU32 } from './agent-stream.ts';
import { printable } from './printable.ts';
import { connectSocket } from './unix-socket.ts';

/** What the agent says of itself when a connection begins. */
export interface GuestHello {
  readonly state: 'booted' | 'configured' | 'running' | 'exited';
  readonly kernel: string;
  readonly bootMilliseconds: number;
  readonly workloadPid: number;
  readonly exitStatus: number;
}

/** A refusal of the agent's: `errno`, and the exit status that the process would have had (0: does not apply). */
export class AgentRefusal extends Error {
  readonly errno: number;
  readonly exitStatus: number;
  constructor(errno: number, exitStatus: number, message: string) {
    super(message);
    this.errno = errno;
    this.exitStatus = exitStatus;
  }
}

interface Pending {
  readonly data: Uint8Array[];
  bytes: number;
  resolve(reply: { type: number; payload: Uint8Array; data: readonly Uint8Array[] }): void;
  reject(error: Error): void;
}

const STATES = ['booted', 'configured', 'running', 'exited'] as const;
const REPLY_MAX = 8 << 20;
/** Bytes that a record takes here beyond its own: empty ones count too. */
const RECORD_COST = 64;
const REQUEST_DEADLINE = 30_000;
const GIVE_UP_PACE = 500;

/** One connection to the agent of one guest. When it breaks, everything pending fails and `closed` resolves; the guest goes on. */
export class AgentClient {
  readonly #socket: Socket;
  readonly #sync = encodeSync(randomBytes(8));
  readonly #decoder = new FrameDecoder(this.#sync);
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, AgentStream>();
  readonly #hello = Promise.withResolvers<GuestHello>();
  readonly #closed = Promise.withResolvers<void>();
  #next = WORKLOAD_STREAM + 1;
  #failure: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#hello.promise.catch(() => undefined);
    this.#streams.set(WORKLOAD_STREAM, new AgentStream(WORKLOAD_STREAM, this.#sender));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.close(error));
    socket.on('close', () => this.close());
    socket.write(this.#sync.bytes);
  }

  /** Connects to the agent's socket and waits for its hello. Rejects with `guest-unreachable` after `deadline` milliseconds, or when `giveUp` says so. */
  static async connect(
    path: string,
    deadline: number,
    giveUp: () => boolean = () => false,
  ): Promise<AgentClient> {
    const client = new AgentClient(await connectSocket(path, deadline, giveUp));
    const unanswered = (why: string): void =>
      client.close(new HullError('guest-unreachable', `the guest did not answer${why}`));
    const timer = setTimeout(() => unanswered(` within ${deadline} ms`), deadline);
    const watch = setInterval(() => (giveUp() ? unanswered('') : undefined), GIVE_UP_PACE);
    try {
      await client.#hello.promise;
      return client;
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
    }
  }

  get hello(): Promise<GuestHello> {
    return this.#hello.promise;
  }

  /** Resolves when the connection is over, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get workload(): AgentStream {
    const stream = this.#streams.get(WORKLOAD_STREAM);
    if (stream === undefined) throw new HullError('internal', 'the workload stream is closed');
    return stream;
  }

  /** Sends a request and waits for its reply. Rejects with `AgentRefusal` when the agent says no. */
  async request(
    type: number,
    payload: Uint8Array = new Uint8Array(),
    deadline = REQUEST_DEADLINE,
  ): Promise<readonly Uint8Array[]> {
    const reply = await this.#ask(this.#next++, type, payload, deadline);
    return reply.data;
  }

  /** START: the workload's own stream is the reply's. Resolves with its pid in the guest. */
  async start(payload: Uint8Array): Promise<number> {
    const reply = await this.#ask(WORKLOAD_STREAM, FRAME.start, payload, REQUEST_DEADLINE);
    return readU32(reply.payload);
  }

  async signal(stream: number, signal: number, all: boolean): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(signal, 0);
    payload.writeUInt32LE(all ? 1 : 0, 4);
    await this.#ask(stream, FRAME.signal, payload, REQUEST_DEADLINE);
  }

  /** EXEC, READ_FILE or WRITE_FILE: a stream of its own. */
  async openStream(type: number, payload: Uint8Array): Promise<{ stream: AgentStream; pid: number }> {
    const id = this.#next++;
    const stream = new AgentStream(id, this.#sender);
    this.#streams.set(id, stream);
    try {
      const reply = await this.#ask(id, type, payload, REQUEST_DEADLINE);
      await stream.open();
      return { stream, pid: reply.type === FRAME.started ? readU32(reply.payload) : 0 };
    } catch (error) {
      this.#streams.delete(id);
      throw error;
    }
  }

  send(type: number, stream: number, payload: Uint8Array): Promise<void> {
    return this.#sender(type, stream, payload);
  }

  close(error: Error | null = null): void {
    if (this.#failure !== null) return;
    this.#failure =
      error ?? new HullError('guest-unreachable', 'the connection to the guest agent is closed');
    this.#socket.destroy();
    this.#hello.reject(this.#failure);
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    for (const stream of this.#streams.values()) stream.finish(null);
    this.#closed.resolve();
  }

  readonly #sender = (type: number, stream: number, payload: Uint8Array): Promise<void> => {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const bytes = encodeRequest(this.#sync.session, type, stream, payload);
    if (this.#socket.write(bytes)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.once('drain', done).once('close', done);
    });
  };

  async #ask(
    id: number,
    type: number,
    payload: Uint8Array,
    deadline: number,
  ): Promise<{ type: number; payload: Uint8Array; data: readonly Uint8Array[] }> {
    if (this.#failure !== null) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<{
      type: number;
      payload: Uint8Array;
      data: readonly Uint8Array[];
    }>();
    const timer = setTimeout(
      () =>
        reject(new HullError('guest-unreachable', `the guest agent did not answer within ${deadline} ms`)),
      deadline,
    );
    this.#pending.set(id, { data: [], bytes: 0, resolve, reject });
    try {
      // A guest that reads nothing keeps the request on its way out for good.
      const sent = this.#sender(type, id, payload).then(() => promise);
      return await Promise.race([promise, sent]);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#decoder.push(chunk)) this.#dispatch(frame);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.type === FRAME.hello) return this.#hello.resolve(parseHello(frame.payload));
    const pending = this.#pending.get(frame.stream);
    if (frame.type === FRAME.ok || frame.type === FRAME.started) {
      pending?.resolve({ type: frame.type, payload: Buffer.from(frame.payload), data: pending.data });
    } else if (frame.type === FRAME.error) {
      pending?.reject(parseRefusal(frame.payload));
    } else if (frame.type === FRAME.data) {
      if (pending === undefined) return;
      pending.bytes += frame.payload.length + RECORD_COST;
      if (pending.bytes > REPLY_MAX)
        throw new HullError(
          'guest-unreachable',
          'the guest agent breaks the protocol: its reply does not end',
        );
      pending.data.push(Buffer.from(frame.payload));
    } else {
      this.#streams.get(frame.stream)?.receive(frame.type, frame.payload);
      if (frame.type === FRAME.exit && frame.stream !== WORKLOAD_STREAM) this.#streams.delete(frame.stream);
    }
  }
}

function parseHello(payload: Uint8Array): GuestHello {
  const fields = readFields(payload);
  return {
    state: STATES[numberField(fields, FIELD.state)] ?? 'booted',
    kernel: textOf(fields.get(FIELD.kernel) ?? new Uint8Array()),
    bootMilliseconds: numberField(fields, FIELD.bootMilliseconds),
    workloadPid: numberField(fields, FIELD.workloadPid, 0x7fff_ffff),
    exitStatus: numberField(fields, FIELD.exitStatus, 255),
  };
}

function parseRefusal(payload: Uint8Array): AgentRefusal {
  return new AgentRefusal(readU32(payload), Math.min(readU32(payload, 4), 255), textOf(payload.subarray(8)));
}

/** A text of the guest's: short, and fit for a terminal. */
function textOf(bytes: Uint8Array): string {
  return printable(Buffer.from(bytes.subarray(0, 512)).toString('utf8')).trim();
}
