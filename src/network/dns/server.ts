import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { decide } from './answer.ts';
import type { ClientBudgets } from './budget.ts';
import type { ServerPorts } from './commands.ts';
import type { Forwarder, Transport } from './forwarder.ts';
import type { NameView } from './names.ts';
import { MessageSplitter, withLength } from './stream.ts';

const CONNECTIONS = 256;
/** Bytes of queries that may wait: one instance's burst must not take the room of the others' queries. */
const WAITING = 4 * 1024 * 1024;
/** Queries of one connection that are under way; it is read on when one is answered. */
const PIPELINED = 16;
/** Milliseconds after which a silent TCP connection is closed. */
const IDLE = 10_000;

/** Who asks. */
export interface DnsClient {
  /** What its budget is kept by. */
  readonly id: string;
  readonly names: NameView;
}

export interface DnsOptions {
  /** The bridge's own address. */
  readonly address: string;
  /** Tried first; where another program has it, any free port is taken. */
  readonly preferredPorts: ServerPorts;
  /** Null for an address that is not served. */
  readonly client: (address: string) => DnsClient | null;
  readonly forwarder: Forwarder;
  readonly budgets: ClientBudgets;
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
  async listen(): Promise<ServerPorts> {
    const { preferredPorts } = this.#options;
    const udp = await this.#bindUdp(preferredPorts.udp).catch(() => this.#bindUdp(0));
    const tcp = await this.#bindTcp(preferredPorts.tcp).catch(() => this.#bindTcp(0));
    this.#udp.on('error', () => undefined);
    this.#tcp.on('error', () => undefined);
    this.#udp.on('message', (query, from) => {
      const client = this.#clientAt(from.address);
      if (client === null || !this.#options.budgets.admits(client.id)) return;
      void this.#answer(query, client, 'udp').then((reply) => {
        if (reply !== null) this.#udp.send(reply, from.port, from.address, () => undefined);
      });
    });
    widen(this.#udp);
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

  #clientAt(address: string): DnsClient | null {
    return this.#options.client(address.replace(/^::ffff:/, ''));
  }

  /** Null: no reply. */
  async #answer(
    query: Uint8Array,
    { id, names }: DnsClient,
    transport: Transport,
  ): Promise<Uint8Array | null> {
    const decision = decide(query, names, transport);
    if (decision.kind === 'drop') return null;
    return decision.kind === 'answer'
      ? decision.data
      : this.#options.forwarder.ask(query, transport, id, names.upstreams);
  }

  #serve(socket: Socket): void {
    const { budgets } = this.#options;
    const client = this.#clientAt(socket.remoteAddress ?? '');
    if (client === null || !budgets.connections.take(client.id)) {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    let asked = 0;
    const splitter = new MessageSplitter((query) => {
      if (!budgets.admits(client.id)) return void socket.destroy();
      asked += 1;
      void this.#answer(query, client, 'tcp').then((reply) => {
        asked -= 1;
        if (reply === null) socket.destroy();
        // A client that does not read its answers is not read on.
        else if (!socket.destroyed && socket.write(withLength(reply)) && asked < PIPELINED) socket.resume();
      });
      if (asked >= PIPELINED) socket.pause();
    });
    socket.setTimeout(IDLE, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => socket.resume());
    socket.on('close', () => {
      this.#open.delete(socket);
      budgets.connections.give(client.id);
    });
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

/** As far as the host lets anybody (net.core.rmem_max). */
function widen(socket: DatagramSocket): void {
  try {
    socket.setRecvBufferSize(WAITING);
  } catch {
    // It has the size that every socket has.
  }
}
