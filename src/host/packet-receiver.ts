import { ptr } from 'bun:ffi';
import type { Libc } from './libc.ts';

const MSG_DONTWAIT = 0x40;
/** Packets per call, and bytes of the longest: conmon's have 8 KiB. Memory is taken only where packets are. */
const COUNT = 32;
const SIZE = 64 * 1024;
/** struct mmsghdr and struct iovec of 64-bit Linux (recvmmsg(2)). */
const HEADER = 64;
const VECTOR = 16;

/** Bytes before the data of a joined packet that belong to nobody: room for a header, so that the data need not be copied for it. */
export const HEADROOM = 8;

/**
 * Takes many packets from a socket at once. The event loop takes one at a time, with a wait for the next between them: that is most of what
 * a packet costs.
 */
export class PacketReceiver {
  readonly #libc: Libc;
  readonly #buffer = Buffer.allocUnsafeSlow(COUNT * SIZE);
  readonly #vectors = new BigUint64Array((COUNT * VECTOR) / 8);
  readonly #headers = new BigUint64Array((COUNT * HEADER) / 8);

  constructor(libc: Libc) {
    this.#libc = libc;
    const buffer = BigInt(ptr(this.#buffer));
    const vectors = BigInt(ptr(this.#vectors));
    for (let index = 0; index < COUNT; index++) {
      this.#vectors[index * 2] = buffer + BigInt(index * SIZE);
      this.#vectors[index * 2 + 1] = BigInt(SIZE);
      // msg_iov and msg_iovlen; the others stay null.
      this.#headers[index * 8 + 2] = vectors + BigInt(index * VECTOR);
      this.#headers[index * 8 + 3] = 1n;
    }
  }

  /**
   * Packets begin with a byte that says what they are. Joins `first` and those that are there behind it, where they begin alike, and returns
   * the joined ones: the byte once, then the data of all, at `HEADROOM` or more from the beginning of memory that is theirs alone.
   */
  join(descriptor: number, first: Uint8Array): Uint8Array[] {
    const joined: Uint8Array[] = [];
    const group = [first];
    for (const packet of this.#receive(descriptor)) {
      if (packet[0] !== group[0]?.[0]) joined.push(join(group.splice(0)));
      group.push(packet);
    }
    joined.push(join(group));
    return joined;
  }

  /** What is there, without waiting; good until the next call. The end of the stream is left for the event loop to find. */
  #receive(descriptor: number): Uint8Array[] {
    const found = this.#libc.symbols.recvmmsg(descriptor, this.#headers, COUNT, MSG_DONTWAIT, null);
    const packets: Uint8Array[] = [];
    for (let index = 0; index < found; index++) {
      const size = Number((this.#headers[index * 8 + 7] ?? 0n) & 0xffffffffn);
      if (size === 0) break;
      packets.push(this.#buffer.subarray(index * SIZE, index * SIZE + size));
    }
    return packets;
  }
}

function join(packets: readonly Uint8Array[]): Uint8Array {
  const size = packets.reduce((sum, packet) => sum + packet.byteLength - 1, 0);
  const memory = Buffer.allocUnsafe(HEADROOM + size);
  memory[HEADROOM - 1] = packets[0]?.[0] ?? 0;
  let at = HEADROOM;
  for (const packet of packets) {
    memory.set(packet.subarray(1), at);
    at += packet.byteLength - 1;
  }
  return memory.subarray(HEADROOM - 1);
}
