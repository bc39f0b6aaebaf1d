import { HullError } from '../model/errors.ts';
import { contains, formatAddress, formatSubnet, sizeOf, type Subnet } from './ipv4.ts';

/** How long a freed address rests: longer than neighbour caches, DNS answers and most connections that still name it. */
export const COOLDOWN = 60_000;

/**
 * Hands out the host addresses of a subnet, each to one holder at a time. It walks through the subnet rather than taking the lowest free one,
 * and a freed address rests for a while, so that a late packet never reaches the address' next holder.
 */
export class AddressPool {
  readonly #subnet: Subnet;
  readonly #now: () => number;
  readonly #cooldown: number;
  readonly #taken = new Set<number>();
  /** Address to the time when it was freed; insertion order is time order. */
  readonly #resting = new Map<number, number>();
  #cursor: number;

  /** `reserved`: addresses never handed out, such as the gateway. */
  constructor(
    subnet: Subnet,
    reserved: readonly number[],
    options: { now?: () => number; cooldown?: number } = {},
  ) {
    this.#subnet = subnet;
    this.#now = options.now ?? Date.now;
    this.#cooldown = options.cooldown ?? COOLDOWN;
    this.#cursor = subnet.base;
    for (const address of reserved) this.#taken.add(address);
  }

  /** The next free address. Throws `address-in-use` when none is left. */
  take(): number {
    this.#wake();
    const size = sizeOf(this.#subnet);
    for (let step = 0; step < size; step++) {
      this.#cursor = this.#next(this.#cursor);
      if (this.#taken.has(this.#cursor) || this.#resting.has(this.#cursor) || !this.#usable(this.#cursor))
        continue;
      this.#taken.add(this.#cursor);
      return this.#cursor;
    }
    throw new HullError(
      'address-in-use',
      `no address is free in the subnet ${formatSubnet(this.#subnet)}: ${this.#taken.size} are in use and ${this.#resting.size} were freed within the last ${this.#cooldown / 1000} s; remove instances or wait`,
    );
  }

  /** Addresses that come next, as far as can be told. */
  upcoming(count: number): number[] {
    const next: number[] = [];
    for (let address = this.#next(this.#cursor); next.length < count; address = this.#next(address)) {
      if (address === this.#cursor) break;
      if (!this.#taken.has(address) && this.#usable(address)) next.push(address);
    }
    return next;
  }

  /** Marks an address that a former daemon handed out. Throws `address-in-use` when it is taken already, or not of this subnet. */
  adopt(address: number): void {
    if (this.#taken.has(address) || !contains(this.#subnet, address) || !this.#usable(address)) {
      throw new HullError(
        'address-in-use',
        `the address ${formatAddress(address)} cannot be taken over in ${formatSubnet(this.#subnet)}: it is held twice or lies outside`,
      );
    }
    this.#resting.delete(address);
    this.#taken.add(address);
    if (address > this.#cursor) this.#cursor = address;
  }

  /** Fine twice. */
  release(address: number): void {
    if (this.#taken.delete(address)) this.#resting.set(address, this.#now());
  }

  #next(address: number): number {
    const next = address + 1;
    return contains(this.#subnet, next) ? next : this.#subnet.base;
  }

  #usable(address: number): boolean {
    return address !== this.#subnet.base && address !== this.#subnet.base + sizeOf(this.#subnet) - 1;
  }

  #wake(): void {
    const before = this.#now() - this.#cooldown;
    for (const [address, freed] of this.#resting) {
      if (freed > before) break;
      this.#resting.delete(address);
    }
  }
}
