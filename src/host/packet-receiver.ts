import { ptr } from 'bun:ffi';
import type { Libc } from './libc.ts';

const MSG_DONTWAIT = 0x40;
/** Packets per call, and bytes of the longest: conmon's have 8 KiB. Memory is taken only where packets are. */
const COUNT = 32;
const SIZE = 64 * 1024;
/** struct mmsghdr and struct iovec of 64-bit Linux (recvmmsg(2)). */
const HEADER = 64;
const VECTOR = 16;

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

  /** Up to `limit` packets that are there, without waiting. The end of the stream is left for the event loop to find. */
  receive(descriptor: number, limit: number): Uint8Array[] {
    const most = Math.min(limit, COUNT);
    const found = this.#libc.symbols.recvmmsg(descriptor, this.#headers, most, MSG_DONTWAIT, null);
    const packets: Uint8Array[] = [];
    for (let index = 0; index < found; index++) {
      const size = Number((this.#headers[index * 8 + 7] ?? 0n) & 0xffffffffn);
      if (size === 0) break;
      packets.push(Buffer.from(this.#buffer.subarray(index * SIZE, index * SIZE + size)));
    }
    return packets;
  }
}
