import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { decide } from './answer.ts';
import type { Forwarder, Transport } from './forwarder.ts';
import type { NameView } from './names.ts';
import { MessageSplitter, withLength } from './stream.ts';

const CONNECTIONS = 64;
/** Milliseconds after which a silent TCP connection is closed. */
const IDLE = 10_000;

export interface DnsOptions {
  /** The bridge's own address. */
  readonly address: string;
  /** Tried first; where another program has it, any free port is taken. */
  readonly preferredPort: number;
  /** What a client knows; null for one that is not served. */
  readonly view: (client: string) => NameView | null;
  readonly forwarder: Forwarder;
}

/**
 * The instances' resolver, on UDP and TCP. It listens on a high port of the bridge's address, and the firewall redirects port 53 to it: so an
 * instance may publish port 53 on the host, and a resolver of the host's that listens everywhere is not in the way.
 */
export class DnsServer {
  readonly #options: DnsOptions;
  readonly #udp: DatagramSocket;
  readonly #tcp: Server;
  readonly #open = new Set<Socket>();

  constructor(options: DnsOptions) {
    this.#options = options;
    this.#udp = createSocket('udp4');
    this.#tcp = createServer((socket) => this.#serve(socket));
    this.#tcp.maxConnections = CONNECTIONS;
  }

  /** Resolves with the ports that it listens on. */
  async listen(): Promise<{ udp: number; tcp: number }> {
    const { preferredPort } = this.#options;
    const udp = await this.#bindUdp(preferredPort).catch(() => this.#bindUdp(0));
    const tcp = await this.#bindTcp(preferredPort).catch(() => this.#bindTcp(0));
    this.#udp.on('error', () => undefined);
    this.#tcp.on('error', () => undefined);
    this.#udp.on('message', (query, from) => {
      void this.#answer(query, from.address, 'udp').then((reply) => {
        if (reply !== null) this.#udp.send(reply, from.port, from.address, () => undefined);
      });
    });
    this.#udp.unref();
    this.#tcp.unref();
    return { udp, tcp };
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => void this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => void this.#tcp.close(() => resolve())),
    ]);
  }

  /** Null: no reply. Only the instances are served: else every neighbour of the host could use it. */
  async #answer(query: Uint8Array, from: string, transport: Transport): Promise<Uint8Array | null> {
    const names = this.#options.view(from.replace(/^::ffff:/, ''));
    if (names === null) return null;
    const decision = decide(query, names, transport);
    if (decision.kind === 'drop') return null;
    return decision.kind === 'answer'
      ? decision.data
      : this.#options.forwarder.ask(query, transport, names.upstreams);
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    const from = socket.remoteAddress ?? '';
    const splitter = new MessageSplitter((query) => {
      void this.#answer(query, from, 'tcp').then((reply) => {
        if (reply === null) socket.destroy();
        else if (!socket.destroyed) socket.write(withLength(reply));
      });
    });
    socket.setTimeout(IDLE, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
    socket.on('data', (data: Uint8Array) => splitter.push(data));
  }

  #bindUdp(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#udp.once('error', reject);
      this.#udp.bind({ address: this.#options.address, port }, () => {
        this.#udp.off('error', reject);
        resolve(this.#udp.address().port);
      });
    });
  }

  #bindTcp(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen({ host: this.#options.address, port }, () => {
        this.#tcp.off('error', reject);
        const address = this.#tcp.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }
}
