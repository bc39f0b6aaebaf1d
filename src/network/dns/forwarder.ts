import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { canonical } from '../../lib/ip.ts';
import { failure } from './answer.ts';
import type { ClientBudgets } from './budget.ts';
import { MessageSplitter, withLength } from './stream.ts';

export interface ForwarderSettings {
  /** Upstream resolvers, asked for anew with each query: the host's may change. */
  readonly upstreams: () => readonly string[];
  /** Milliseconds for each attempt. */
  readonly timeout: number;
  /** Rounds through all upstreams. */
  readonly rounds: number;
  /** Queries under way at once, by client; more are refused with SERVFAIL. */
  readonly slots: ClientBudgets['forwarded'];
  readonly port: number;
}

const FORWARDER_DEFAULTS = { timeout: 2_000, rounds: 2, port: 53 } as const;

export type Transport = 'udp' | 'tcp';

/**
 * Passes queries on to the host's resolvers, byte for byte (so EDNS and DNSSEC survive), over the transport that the client used: a client that
 * receives a truncated reply asks again by TCP (RFC 7766), and is then served by TCP all the way.
 */
export class Forwarder {
  readonly #settings: ForwarderSettings;

  constructor(settings: Pick<ForwarderSettings, 'upstreams' | 'slots'> & Partial<ForwarderSettings>) {
    this.#settings = { ...FORWARDER_DEFAULTS, ...settings };
  }

  /** The reply of the first upstream (`instead`: of these) that gives one; SERVFAIL when none does. Never rejects. */
  async ask(
    query: Uint8Array,
    transport: Transport,
    client: string,
    instead: readonly string[] | null = null,
  ): Promise<Uint8Array> {
    if (!this.#settings.slots.take(client)) return failure(query, 'SERVFAIL');
    try {
      for (let round = 0; round < this.#settings.rounds; round++) {
        for (const upstream of instead ?? this.#settings.upstreams()) {
          const reply = await this.#attempt(query, upstream, transport).catch(() => null);
          if (reply !== null) return reply;
        }
      }
      return failure(query, 'SERVFAIL');
    } finally {
      this.#settings.slots.give(client);
    }
  }

  #attempt(query: Uint8Array, upstream: string, transport: Transport): Promise<Uint8Array> {
    const { port, timeout } = this.#settings;
    return transport === 'udp'
      ? askUdp(query, upstream, port, timeout)
      : askTcp(query, upstream, port, timeout);
  }
}

/** A new socket for each query: its random port makes forged replies harder (RFC 5452). */
function askUdp(query: Uint8Array, upstream: string, port: number, timeout: number): Promise<Uint8Array> {
  const socket = createSocket(isIPv6(upstream) ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const timer = setTimeout(() => reject(new Error(`no reply from ${upstream}`)), timeout);
  const address = plain(upstream);
  socket.on('error', reject);
  socket.on('message', (data, from) => {
    if (plain(from.address) === address && from.port === port && isReplyTo(query, data)) resolve(data);
  });
  socket.send(query, port, upstream, (error) => {
    if (error !== null && error !== undefined) reject(error);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askTcp(query: Uint8Array, upstream: string, port: number, timeout: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const timer = setTimeout(() => reject(new Error(`no reply from ${upstream}`)), timeout);
  const splitter = new MessageSplitter((data) => {
    if (isReplyTo(query, data)) resolve(data);
  });
  const socket = connect({ host: upstream, port }, () => socket.write(withLength(query)));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${upstream} closed the connection`)));
  socket.on('data', (data: Uint8Array) => splitter.push(data));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** The address in one way of writing it, without the name of the link that it is of. */
const plain = (address: string): string => canonical(address.split('%', 1)[0] ?? '');

/** Same id, and a response. */
function isReplyTo(query: Uint8Array, reply: Uint8Array): boolean {
  return (
    reply.byteLength >= 12 && reply[0] === query[0] && reply[1] === query[1] && ((reply[2] ?? 0) & 0x80) !== 0
  );
}
