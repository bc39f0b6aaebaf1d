import { existsSync, readFileSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { type Address, addressAt, formatIp, formatPrefix, macOf, overlap, type Prefix } from '../lib/ip.ts';
import { HullError } from '../model/errors.ts';
import { hardenBridge } from './link-settings.ts';
import { candidates, chooseSubnet, type UsedSubnet, usedSubnets } from './subnet.ts';

const LARGEST_MTU = 1500;
/** Frames for bridges themselves pass no firewall: their senders' addresses must not be learnt. */
const BRIDGE_KIND = 'type bridge no_linklocal_learn 1';

/** The gateway is the first address of the subnet. */
export function gatewayOf(subnet: Prefix): Address {
  return addressAt(subnet, 1);
}

/** The bridge link and its address. */
export class Bridge {
  readonly #host: Host;
  readonly name: string;

  constructor(host: Host, name: string) {
    this.#host = host;
    this.name = name;
  }

  exists(): boolean {
    return existsSync(`/sys/class/net/${this.name}`);
  }

  /**
   * Makes the bridge, or completes one that is there, and returns its subnet. `kept` is used where nothing else on the host overlaps it;
   * `pinned` insists on it, because instances have addresses in it.
   */
  async ensure(options: {
    kept: Prefix | null;
    pinned: boolean;
    wanted: readonly Prefix[] | null;
    mtu: number;
  }): Promise<Prefix> {
    const { kept, pinned, mtu } = options;
    if (kept !== null && pinned) return this.#set(kept, mtu);
    const wanted = options.wanted ?? candidates();
    for (let attempt = 0; attempt < 8; attempt++) {
      const others = await this.#othersSubnets();
      const free = kept !== null && !others.some((other) => overlap(kept, other.subnet));
      const subnet = await this.#set(free ? kept : chooseSubnet(others, wanted), mtu);
      if (await this.#prevails(subnet)) return subnet;
      await this.remove();
    }
    throw new HullError(
      'address-in-use',
      `no subnet could be taken for the bridge ${this.name}: other engines keep taking the same ones; try again`,
    );
  }

  /** Makes a user's bridge, or completes one that is there. `addresses`: with their prefix length, the IPv4 one first. */
  async make(options: {
    addresses: readonly string[];
    macAddress: string;
    mtu: number;
    mark: string;
  }): Promise<void> {
    const { addresses, macAddress, mtu, mark } = options;
    const ipv6 = addresses.some((address) => address.includes(':'));
    await this.#add(mtu, macAddress, ipv6);
    const lines = [
      `link set dev ${this.name} alias "${mark}"`,
      `link set dev ${this.name} addrgenmode ${ipv6 ? 'eui64' : 'none'} up ${BRIDGE_KIND}`,
      ...addresses.map(
        (address) =>
          `address replace ${address} ${address.includes(':') ? 'nodad ' : 'broadcast + '}dev ${this.name}`,
      ),
    ];
    await this.#host.exec.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Fine when absent. */
  async remove(): Promise<void> {
    if (this.exists()) await this.#host.exec.must(['ip', 'link', 'delete', 'dev', this.name]);
  }

  /** Down, where it is not there yet. Either way it takes nothing from instances when this returns. */
  async #add(mtu: number, macAddress: string, ipv6: boolean): Promise<void> {
    const { name } = this;
    if (!this.exists()) {
      const link = ['name', name, 'mtu', String(mtu), 'address', macAddress, 'type', 'bridge'];
      await this.#host.exec.must(['ip', 'link', 'add', ...link]);
    }
    hardenBridge(name, ipv6);
  }

  async #othersSubnets(): Promise<UsedSubnet[]> {
    return (await usedSubnets(this.#host)).filter((other) => other.device !== this.name);
  }

  async #set(subnet: Prefix, mtu: number): Promise<Prefix> {
    const gateway = formatIp(gatewayOf(subnet));
    await this.#add(mtu, macOf(gatewayOf(subnet)), false);
    const input = [
      `address replace ${gateway}/${subnet.length} broadcast + dev ${this.name}`,
      `link set dev ${this.name} addrgenmode none up ${BRIDGE_KIND}`,
    ];
    await this.#host.exec.must(['ip', '-batch', '-'], { input: `${input.join('\n')}\n` });
    return subnet;
  }

  /**
   * Two engines that start at the same moment may have chosen the same subnet: both look again after they took it, and the one whose link has
   * the higher number gives way.
   */
  async #prevails(subnet: Prefix): Promise<boolean> {
    const rivals = (await this.#othersSubnets()).filter((other) => overlap(other.subnet, subnet));
    return rivals.every((rival) => indexOf(rival.device) > indexOf(this.name));
  }
}

/** The MTU of the link that the default route uses, at most 1500. */
export function hostMtu(routeTable: string = readFileSync('/proc/net/route', 'utf8')): number {
  const device = routeTable
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
  const mtu = device === undefined ? Number.NaN : Number(readOr(`/sys/class/net/${device}/mtu`, ''));
  return Number.isInteger(mtu) && mtu >= 576 ? Math.min(mtu, LARGEST_MTU) : LARGEST_MTU;
}

function indexOf(link: string): number {
  return Number(readOr(`/sys/class/net/${link}/ifindex`, '0'));
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

/** As people write them: `172.20.0.0/16`, `172.20.0.1`. */
export function describeSubnet(subnet: Prefix): { subnet: string; gateway: string } {
  return { subnet: formatPrefix(subnet), gateway: formatIp(gatewayOf(subnet)) };
}
