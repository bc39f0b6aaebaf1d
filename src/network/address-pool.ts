import { HullError } from '../model/errors.ts';
import { type Address, formatIp, formatPrefix, holds, type Prefix, sizeOf } from '../lib/ip.ts';

/** Milliseconds that a freed address rests: longer than neighbour caches, DNS answers and most connections that still name it. */
const COOLDOWN = 60_000;

/**
 * Who has which address of a subnet. It walks through the range rather than taking the lowest free one; a freed address rests for a
 * while, but is given out again before anybody is refused: users' networks are often small.
 */
export class AddressPool {
  readonly prefix: Prefix;
  readonly #range: Prefix;
  readonly #now: () => number;
  readonly #taken = new Set<bigint>();
  /** Address to the time when it was freed; insertion order is time order. */
  readonly #resting = new Map<bigint, number>();
  #cursor: bigint;

  /** `reserved`: never handed out, such as the gateway. */
  constructor(prefix: Prefix, options: { range?: Prefix; reserved: readonly bigint[]; now?: () => number }) {
    this.prefix = prefix;
    this.#range = options.range ?? prefix;
    this.#now = options.now ?? Date.now;
    this.#cursor = this.#range.base - 1n;
    for (const address of options.reserved) this.#taken.add(address);
  }

  /** The next free one of the range. Throws `address-in-use` when none is left. */
  take(): Address {
    this.#wake();
    const free = this.#walk() ?? this.#longestResting();
    if (free === null)
      throw new HullError(
        'address-in-use',
        `no available addresses: all of ${formatPrefix(this.#range)} are in use; remove instances, or make a larger network`,
      );
    this.#resting.delete(free);
    this.#taken.add(free);
    this.#cursor = free;
    return { family: this.prefix.family, value: free };
  }

  /** Takes a certain one. Throws `address-in-use`, `invalid-argument` for one of another subnet. */
  claim(address: Address): void {
    if (!holds(this.prefix, address) || !this.#usable(address.value))
      throw new HullError(
        'invalid-argument',
        `the address ${formatIp(address)} is none of the subnet ${formatPrefix(this.prefix)} that an instance can have`,
      );
    if (this.#taken.has(address.value)) throw new HullError('network-forbidden', 'Address already in use');
    this.#resting.delete(address.value);
    this.#taken.add(address.value);
  }

  /** Takes one that a former daemon handed out. Those that were freed lately are behind it: the walk goes on from there. */
  adopt(address: Address): void {
    this.claim(address);
    if (address.value > this.#cursor && holds(this.#range, address)) this.#cursor = address.value;
  }

  /** Addresses that come next, as far as can be told. */
  upcoming(count: number): Address[] {
    const size = sizeOf(this.#range);
    const next: Address[] = [];
    for (let step = 1n; next.length < count && step < size; step++) {
      const value = this.#ahead(step);
      if (!this.#taken.has(value) && this.#usable(value)) next.push({ family: this.prefix.family, value });
    }
    return next;
  }

  /** Fine twice. */
  release(address: Address): void {
    if (this.#taken.delete(address.value)) this.#resting.set(address.value, this.#now());
  }

  #walk(): bigint | null {
    const size = sizeOf(this.#range);
    // What is in use cannot be more than this: a range of an IPv6 network is never walked to its end.
    const most = BigInt(this.#taken.size + this.#resting.size + 3);
    for (let step = 1n; step <= (most < size ? most : size); step++) {
      const next = this.#ahead(step);
      if (!this.#taken.has(next) && !this.#resting.has(next) && this.#usable(next)) return next;
    }
    return null;
  }

  /** So many steps behind the cursor, round and round. */
  #ahead(step: bigint): bigint {
    const size = sizeOf(this.#range);
    return this.#range.base + ((this.#cursor - this.#range.base + step + size) % size);
  }

  #longestResting(): bigint | null {
    const inRange = (value: bigint) => holds(this.#range, { family: this.prefix.family, value });
    return this.#resting.keys().find(inRange) ?? null;
  }

  /** Not the network's own address, nor (IPv4) the broadcast address. Of two or one there is none to lose. */
  #usable(value: bigint): boolean {
    const size = sizeOf(this.prefix);
    if (size <= 2n) return true;
    if (value === this.prefix.base) return false;
    return this.prefix.family === 6 || value !== this.prefix.base + size - 1n;
  }

  #wake(): void {
    const before = this.#now() - COOLDOWN;
    for (const [address, freed] of this.#resting) {
      if (freed > before) break;
      this.#resting.delete(address);
    }
  }
}
