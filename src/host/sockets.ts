import { closeSync, openSync } from 'node:fs';
import { Fifo } from '../lib/fifo.ts';
import type { PacketSocket, Sockets } from './host.ts';
import { Libc } from './libc.ts';
import { PacketReceiver } from './packet-receiver.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
/** Bytes held for a slow reader before the socket is paused. */
const HIGH_WATER = 512 * 1024;

/** SOCK_SEQPACKET, which Node's and Bun's own interfaces do not offer: the descriptor is made here and handed to the event loop. */
export class LinuxSockets implements Sockets {
  readonly #libc: Libc;
  #receiver: PacketReceiver | null = null;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  async connectPackets(path: string, options?: { readonly join: boolean }): Promise<PacketSocket> {
    // Through the descriptor, because an address holds 107 bytes at most.
    const file = openSync(path, O_PATH);
    let descriptor = -1;
    try {
      descriptor = this.#libc.check(
        'socket',
        this.#libc.symbols.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
        path,
      );
      const address = socketAddress(`/proc/self/fd/${file}`);
      this.#libc.check('connect', this.#libc.symbols.connect(descriptor, address, address.byteLength), path);
    } catch (error) {
      if (descriptor >= 0) closeSync(descriptor);
      throw error;
    } finally {
      closeSync(file);
    }
    if (options?.join !== true) return packetSocket(descriptor, (packet) => [packet]);
    this.#receiver ??= new PacketReceiver(this.#libc);
    const receiver = this.#receiver;
    return packetSocket(descriptor, (first) => receiver.join(descriptor, first));
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
    return { ours: await packetSocket(ours, (packet) => [packet]), theirs };
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

async function packetSocket(
  descriptor: number,
  take: (first: Uint8Array) => Uint8Array[],
): Promise<PacketSocket> {
  const inbox = new Inbox();
  // Bun takes a connected descriptor too, which its types leave out.
  const options: { fd: number; unix: string; socket: Bun.SocketHandler<undefined> } = {
    fd: descriptor,
    unix: '',
    socket: {
      data: (self, data) => {
        for (const packet of take(data)) inbox.push(packet);
        if (inbox.size >= HIGH_WATER) self.pause();
      },
      drain: () => inbox.writable(),
      end: () => inbox.finish(),
      close: () => inbox.finish(),
      error: () => inbox.finish(),
    },
  };
  const socket = await Bun.connect(options);
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
      socket.terminate();
    },
  };
}

/** Packets that wait for their reader. */
class Inbox implements AsyncIterable<Uint8Array> {
  readonly #queue = new Fifo<Uint8Array>();
  #wake: (() => void) | null = null;
  #room: (() => void) | null = null;
  finished = false;
  onRoom: () => void = () => undefined;

  size = 0;

  push(packet: Uint8Array): void {
    this.#queue.push(packet);
    this.size += packet.byteLength;
    this.#wake?.();
  }

  finish(): void {
    this.finished = true;
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
        const before = this.size;
        this.size -= packet.byteLength;
        if (before >= HIGH_WATER / 2 && this.size < HIGH_WATER / 2) this.onRoom();
        yield packet;
      } else if (this.finished) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = null;
      }
    }
  }
}
