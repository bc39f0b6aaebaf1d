import { closeSync, openSync, readSync } from 'node:fs';
import { Fifo } from '../lib/fifo.ts';
import type { PacketOptions, PacketSocket, Sockets } from './host.ts';
import { Libc } from './libc.ts';
import { HEADROOM, PacketReceiver } from './packet-receiver.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const F_DUPFD_CLOEXEC = 1030;
/** Bytes held for a slow reader before the socket is paused. */
const HIGH_WATER = 512 * 1024;
/** Bytes held for a slow reader whose peer must not wait any more: what pipes and sockets of a process that ended can hold. */
const LAST_WORDS = 8 * 1024 * 1024;
/** Longest packet that is read after a reset; conmon's have 8 KiB. */
const LONGEST = 64 * 1024;

/** SOCK_SEQPACKET, which Node's and Bun's own interfaces do not offer: the descriptor is made here and handed to the event loop. */
export class LinuxSockets implements Sockets {
  readonly #libc: Libc;
  #receiver: PacketReceiver | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  async connectPackets(path: string, options: PacketOptions = { join: false }): Promise<PacketSocket> {
    // Through the descriptor, because an address holds 107 bytes at most.
    const file = openSync(path, O_PATH);
    let descriptor = -1;
    let spare = -1;
    try {
      descriptor = this.#libc.check(
        'socket',
        this.#libc.symbols.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
        path,
      );
      const address = socketAddress(`/proc/self/fd/${file}`);
      this.#libc.check('connect', this.#libc.symbols.connect(descriptor, address, address.byteLength), path);
      spare = this.#libc.check('dup', this.#libc.symbols.fcntl(descriptor, F_DUPFD_CLOEXEC, 0), path);
    } catch (error) {
      if (descriptor >= 0) closeSync(descriptor);
      throw error;
    } finally {
      closeSync(file);
    }
    return await this.#packetSocket(descriptor, options, new SpareDescriptor(spare));
  }

  async packetPair(): Promise<{ ours: PacketSocket; theirs: number }> {
    const pair = new Int32Array(2);
    this.#libc.check(
      'socketpair',
      this.#libc.symbols.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
      'pair',
    );
    const [ours = -1, theirs = -1] = pair;
    // Only the engine's end may be non-blocking: that flag belongs to the end, and the event loop sets it itself.
    // The child reads all that it is sent: nothing is reset.
    return { ours: await this.#packetSocket(ours, { join: false }, new SpareDescriptor(-1)), theirs };
  }

  async #packetSocket(
    descriptor: number,
    options: PacketOptions,
    spare: SpareDescriptor,
  ): Promise<PacketSocket> {
    const inbox = new Inbox(options.slows ?? (() => new Promise(() => undefined)));
    const take = options.join ? this.#joiner(descriptor) : (packet: Uint8Array) => [packet];
    const over = (): void => {
      if (!inbox.finished) for (const packet of spare.readDry()) inbox.push(packet);
      spare.close();
      inbox.finish();
    };
    // Bun takes a connected descriptor too, which its types leave out.
    const connect: { fd: number; unix: string; socket: Bun.SocketHandler<undefined> } = {
      fd: descriptor,
      unix: '',
      socket: {
        data: (self, data) => {
          for (const packet of take(data)) inbox.push(packet);
          if (inbox.full) self.pause();
        },
        drain: () => inbox.writable(),
        end: over,
        close: over,
        error: over,
      },
    };
    const socket = await Bun.connect(connect);
    inbox.onRoom = () => socket.resume();
    return {
      packets: inbox,
      write: async (data) => {
        // One packet goes out whole or not at all; nothing taken means that the peer's queue is full.
        while (!inbox.finished && socket.write(data) <= 0) await inbox.untilWritable();
      },
      end: () => {
        socket.shutdown();
      },
      close: () => {
        inbox.finish();
        spare.close();
        socket.terminate();
      },
    };
  }

  #joiner(descriptor: number): (first: Uint8Array) => Uint8Array[] {
    this.#receiver ??= new PacketReceiver(this.#libc);
    const receiver = this.#receiver;
    return (first) => receiver.join(descriptor, first);
  }
}

/**
 * A second descriptor of a socket, for what the event loop leaves behind. A peer that closes with unread input resets the connection: the
 * kernel reports ECONNRESET before the packets that are still queued (unix(7)), and the event loop closes its descriptor at that error.
 */
class SpareDescriptor {
  #descriptor: number;

  /** -1: there is none. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** The packets that are queued. The peer is gone: no more will come. */
  readDry(): Uint8Array[] {
    if (this.#descriptor < 0) return [];
    const packets: Uint8Array[] = [];
    const buffer = Buffer.allocUnsafe(HEADROOM + LONGEST);
    for (;;) {
      const size = this.#read(buffer);
      if (size === 0) return packets;
      packets.push(Buffer.from(buffer.subarray(0, HEADROOM + size)).subarray(HEADROOM));
    }
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #read(buffer: Buffer): number {
    for (let tries = 0; tries < 2; tries++) {
      try {
        return readSync(this.#descriptor, buffer, HEADROOM, LONGEST, null);
      } catch (error) {
        // Reading the pending error clears it: the packets are behind it.
        if ((error as { readonly code?: unknown }).code !== 'ECONNRESET') return 0;
      }
    }
    return 0;
  }
}

/** struct sockaddr_un (unix(7)). */
function socketAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(2 + name.length + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return address;
}

/** Packets that wait for their reader. */
class Inbox implements AsyncIterable<Uint8Array> {
  readonly #queue = new Fifo<Uint8Array>();
  readonly #slows: (signal: AbortSignal) => Promise<void>;
  #wake: (() => void) | null = null;
  #room: (() => void) | null = null;
  #waiting: AbortController | null = null;
  #size = 0;
  #limit = HIGH_WATER;
  finished = false;
  /** The socket may be read again. */
  onRoom: () => void = () => undefined;

  constructor(slows: (signal: AbortSignal) => Promise<void>) {
    this.#slows = slows;
  }

  /** The peer is to wait. */
  get full(): boolean {
    return this.#limit === HIGH_WATER && this.#size >= HIGH_WATER;
  }

  push(packet: Uint8Array): void {
    if (this.#limit === LAST_WORDS && this.#size > LAST_WORDS) return;
    this.#queue.push(packet);
    this.#size += packet.byteLength;
    this.#wake?.();
    if (this.full) this.#watchPeer();
  }

  finish(): void {
    this.finished = true;
    this.#waiting?.abort();
    this.#wake?.();
    this.writable();
  }

  writable(): void {
    this.#room?.();
    this.#room = null;
  }

  untilWritable(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve;
      if (this.finished) this.writable();
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const packet = this.#queue.shift();
      if (packet !== undefined) {
        this.#taken(packet.byteLength);
        yield packet;
      } else if (this.finished) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = null;
      }
    }
  }

  #taken(bytes: number): void {
    const before = this.#size;
    this.#size -= bytes;
    if (before < HIGH_WATER / 2 || this.#size >= HIGH_WATER / 2) return;
    this.#waiting?.abort();
    this.#waiting = null;
    this.onRoom();
  }

  #watchPeer(): void {
    if (this.#waiting !== null) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    const release = (): void => {
      if (waiting.signal.aborted) return;
      this.#limit = LAST_WORDS;
      this.onRoom();
    };
    this.#slows(waiting.signal).then(release, () => undefined);
  }
}
