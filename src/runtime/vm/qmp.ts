import type { Socket } from 'node:net';
import { HullError } from '../../model/errors.ts';
import { connectSocket } from './unix-socket.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

/** One message of QEMU's monitor (qemu-qmp-ref): greeting, reply, error or event. Anything else is null. */
export type QmpMessage =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'return'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly text: string }
  | { readonly kind: 'event'; readonly name: string; readonly data: unknown };

const LINE_MAX = 4 << 20;
const COMMAND_DEADLINE = 10_000;

/** Splits QEMU's bytes into lines and parses them. `push` throws when a line grows beyond all measure. */
export class QmpParser {
  #rest = Buffer.alloc(0);

  push(chunk: Uint8Array): QmpMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: QmpMessage[] = [];
    for (let end = this.#rest.indexOf(10); end >= 0; end = this.#rest.indexOf(10)) {
      const message = parseQmp(this.#rest.subarray(0, end).toString('utf8'));
      this.#rest = this.#rest.subarray(end + 1);
      if (message !== null) messages.push(message);
    }
    if (this.#rest.length > LINE_MAX)
      throw new HullError('guest-unreachable', 'QEMU’s monitor sent a line that is too long');
    return messages;
  }
}

/** Parses one line; null when it is no message of the monitor's. */
export function parseQmp(line: string): QmpMessage | null {
  const value = parseJson(line);
  if (!isRecord(value)) return null;
  const id = typeof value['id'] === 'number' ? value['id'] : -1;
  if ('QMP' in value) return { kind: 'greeting' };
  if ('return' in value) return { kind: 'return', id, value: value['return'] };
  if (isRecord(value['error'])) {
    const text = value['error']['desc'];
    return { kind: 'error', id, text: typeof text === 'string' ? text : 'unknown error' };
  }
  if (typeof value['event'] === 'string')
    return { kind: 'event', name: value['event'], data: value['data'] ?? null };
  return null;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return parseBoundedJson(text);
  } catch {
    return null;
  }
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A connection to QEMU's monitor. QEMU talks to one client at a time. */
export class QmpClient {
  readonly #socket: Socket;
  readonly #parser = new QmpParser();
  readonly #pending = new Map<number, Pending>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #onEvent: (name: string, data: unknown) => void;
  #next = 1;
  #over = false;

  private constructor(socket: Socket, onEvent: (name: string, data: unknown) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => this.close());
    socket.on('close', () => this.close());
  }

  /** Connects and leaves negotiation mode. */
  static async connect(
    path: string,
    deadline: number,
    onEvent: (name: string, data: unknown) => void = () => undefined,
    giveUp: () => boolean = () => false,
  ): Promise<QmpClient> {
    const client = new QmpClient(await connectSocket(path, deadline, giveUp), onEvent);
    try {
      await client.execute('qmp_capabilities', {}, deadline);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Runs a command; rejects with `command-failed` when QEMU refuses it, `guest-unreachable` when it does not answer. */
  async execute(
    command: string,
    commandArguments: Readonly<Record<string, unknown>> = {},
    deadline = COMMAND_DEADLINE,
  ): Promise<unknown> {
    if (this.#over) throw closedError();
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(
      () =>
        reject(new HullError('guest-unreachable', `QEMU did not answer ${command} within ${deadline} ms`)),
      deadline,
    );
    this.#pending.set(id, { resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    for (const pending of this.#pending.values()) pending.reject(closedError());
    this.#closed.resolve();
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const message of this.#parser.push(chunk)) this.#dispatch(message);
    } catch {
      this.close();
    }
  }

  #dispatch(message: QmpMessage): void {
    if (message.kind === 'return') this.#pending.get(message.id)?.resolve(message.value);
    else if (message.kind === 'error')
      this.#pending.get(message.id)?.reject(new HullError('command-failed', `QEMU refuses: ${message.text}`));
    else if (message.kind === 'event') this.#onEvent(message.name, message.data);
  }
}

function closedError(): HullError {
  return new HullError('guest-unreachable', 'QEMU’s monitor is closed: the VM has ended');
}
