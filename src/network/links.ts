import { existsSync, readdirSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';

/** A veth pair: its host end is a port of the bridge, its other end is `eth0` in a pinned namespace. */
export interface VethPair {
  readonly hostLink: string;
  readonly namespace: string;
  readonly macAddress: string;
}

/** The name of every instance's interface. */
export const INSTANCE_LINK = 'eth0';
/** A Linux bridge numbers its ports with 10 bits, and 0 is none (linux/net/bridge/br_private.h, BR_MAX_PORTS). */
export const BRIDGE_PORT_LIMIT = 1023;

/**
 * Lines for `ip -batch`, two for each pair. Hairpin mode lets an instance reach itself through a published port also where bridged frames pass
 * the IP firewall (`bridge-nf-call-iptables`, which Docker turns on).
 */
export function createBatch(pairs: readonly VethPair[], bridge: string, mtu: number): string {
  return pairs
    .map(
      ({ hostLink, namespace, macAddress }) =>
        `link add dev ${hostLink} mtu ${mtu} master ${bridge} type veth peer name ${INSTANCE_LINK} mtu ${mtu} address ${macAddress} netns "${namespace}"\n` +
        `link set dev ${hostLink} addrgenmode none up type bridge_slave hairpin on\n`,
    )
    .join('');
}

/**
 * Lines that remove links in one go: deleting a group waits once for the kernel's grace period (20 ms in all), deleting one by one waits each
 * time (20 ms each).
 */
export function removeBatch(links: readonly string[], group: number): string {
  return `${links.map((link) => `link set dev ${link} group ${group}\n`).join('')}link delete group ${group}\n`;
}

/** The host's links, as far as this engine made them. */
export class Links {
  readonly #host: Host;
  readonly #bridge: string;
  readonly #prefix: string;
  readonly #group: number;

  /** `prefix`: what all host links' names begin with. `group`: a link group number of this engine's own. */
  constructor(host: Host, options: { bridge: string; prefix: string; group: number }) {
    this.#host = host;
    this.#bridge = options.bridge;
    this.#prefix = options.prefix;
    this.#group = options.group;
  }

  /** All or none. Throws `address-in-use` when the bridge has no port left. */
  async create(pairs: readonly VethPair[], mtu: number): Promise<void> {
    const used = this.ports();
    if (used + pairs.length > BRIDGE_PORT_LIMIT) {
      throw new HullError(
        'address-in-use',
        `the bridge ${this.#bridge} has ${used} of at most ${BRIDGE_PORT_LIMIT} ports in use, so ${pairs.length} more cannot be connected; stop instances, or start a second engine with \`hull daemon --data … --run …\``,
      );
    }
    try {
      await this.#host.exec.must(['ip', '-batch', '-'], { input: createBatch(pairs, this.#bridge, mtu) });
    } catch (error) {
      await this.remove(pairs.map((pair) => pair.hostLink));
      throw error;
    }
  }

  /** Fine for links that are gone. Rejects `command-failed` naming those that could not be removed. */
  async remove(links: readonly string[]): Promise<void> {
    const present = links.filter((link) => this.exists(link));
    if (present.length === 0) return;
    const { stderr } = await this.#host.exec.run(['ip', '-force', '-batch', '-'], {
      input: removeBatch(present, this.#group),
    });
    const left = present.filter((link) => this.exists(link));
    if (left.length > 0)
      throw new HullError(
        'command-failed',
        `cannot remove the links ${left.join(', ')}: ${stderr.trim().slice(0, 1000)}`,
      );
  }

  /** Makes the links ports of the bridge again, after somebody removed the bridge. */
  async join(links: readonly string[]): Promise<void> {
    const lines = links.map(
      (link) =>
        `link set dev ${link} master ${this.#bridge} up\nlink set dev ${link} type bridge_slave hairpin on\n`,
    );
    if (lines.length > 0) await this.#host.exec.must(['ip', '-batch', '-'], { input: lines.join('') });
  }

  exists(link: string): boolean {
    return existsSync(`/sys/class/net/${link}`);
  }

  /** This engine's links, the bridge not counted. */
  list(): string[] {
    return readdirSync('/sys/class/net').filter((name) => name.startsWith(this.#prefix));
  }

  /** Ports of the bridge in use. */
  ports(): number {
    const folder = `/sys/class/net/${this.#bridge}/brif`;
    return existsSync(folder) ? readdirSync(folder).length : 0;
  }
}
