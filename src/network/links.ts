import { existsSync, readdirSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import type { GuardedPort } from './guard-text.ts';
import { hardenPort } from './link-settings.ts';
import type { PortGuard } from './port-guard.ts';

/** A veth pair: its host end is a port of a bridge, its other end is in a pinned namespace. */
export interface VethPair {
  readonly hostLink: string;
  readonly namespace: string;
  readonly macAddress: string;
  /** The instance's own on this link, as text. */
  readonly addresses: readonly string[];
  /** Inside; absent: `eth0`. */
  readonly name?: string;
}

/** How the ports of a bridge are made. */
export interface PortSettings {
  readonly bridge: string;
  readonly mtu: number;
  /** Ports that may not speak to each other, only to the bridge itself. */
  readonly isolated?: boolean;
  /** Ports from which anything may come, whoever seems to have sent it. */
  readonly open?: boolean;
}

/** The name of every instance's first interface. */
export const INSTANCE_LINK = 'eth0';
/** A Linux bridge numbers its ports with 10 bits, and 0 is none (linux/net/bridge/br_private.h, BR_MAX_PORTS). */
export const BRIDGE_PORT_LIMIT = 1023;

/**
 * Lines for `ip -batch`, two for each pair. Hairpin mode lets an instance reach itself through a published port also where bridged frames pass
 * the IP firewall (`bridge-nf-call-iptables`, which Docker turns on).
 */
export function createBatch(pairs: readonly VethPair[], settings: PortSettings): string {
  const { bridge, mtu } = settings;
  return pairs
    .map(
      ({ hostLink, namespace, macAddress, name = INSTANCE_LINK }) =>
        `link add dev ${hostLink} mtu ${mtu} master ${bridge} type veth peer name ${name} mtu ${mtu} address ${macAddress} netns "${namespace}"\n` +
        `link set dev ${hostLink} addrgenmode none up type bridge_slave ${portOptions(settings)}\n`,
    )
    .join('');
}

const portOptions = ({ isolated = false }: PortSettings): string =>
  isolated ? 'hairpin off isolated on' : 'hairpin on';

/**
 * Lines that remove links in one go: deleting a group waits once for the kernel's grace period (20 ms in all), deleting one by one waits each
 * time (20 ms each).
 */
export function removeBatch(links: readonly string[], group: number): string {
  return `${links.map((link) => `link set dev ${link} group ${group}\n`).join('')}link delete group ${group}\n`;
}

const guarded = (
  { hostLink, macAddress, addresses }: Omit<VethPair, 'namespace'>,
  { open = false }: PortSettings,
): GuardedPort => {
  return { hostLink, macAddress, addresses, open };
};

/** Waits for all, then rejects with the first failure: nothing is at work any more when it does. */
async function settledAll(works: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}

/** The host's links, as far as this engine made them. */
export class Links {
  readonly #host: Host;
  readonly #prefix: string;
  readonly #group: number;
  readonly #guard: PortGuard;

  /** `prefix`: what all host links' names begin with. `group`: a link group number of this engine's own. */
  constructor(host: Host, options: { prefix: string; group: number; guard: PortGuard }) {
    this.#host = host;
    this.#guard = options.guard;
    this.#prefix = options.prefix;
    this.#group = options.group;
  }

  /** All or none. `ahead`: pairs that will be made next, under these names. Throws `address-in-use` when the bridge has no port left. */
  async create(
    pairs: readonly VethPair[],
    settings: PortSettings,
    ahead: () => readonly Omit<VethPair, 'namespace'>[] = () => [],
  ): Promise<void> {
    const { bridge } = settings;
    const used = this.ports(bridge);
    if (used + pairs.length > BRIDGE_PORT_LIMIT) {
      throw new HullError(
        'address-in-use',
        `the bridge ${bridge} has ${used} of at most ${BRIDGE_PORT_LIMIT} ports in use, so ${pairs.length} more cannot be connected; stop instances, or put some on another network`,
      );
    }
    try {
      // At the same time: a port whose guard is not there yet lets nothing pass.
      await settledAll([
        this.#guard.admit(
          pairs.map((pair) => guarded(pair, settings)),
          () => ahead().map((pair) => guarded(pair, settings)),
        ),
        this.#host.exec.must(['ip', '-batch', '-'], { input: createBatch(pairs, settings) }),
      ]);
      for (const { hostLink } of pairs) hardenPort(hostLink);
    } catch (error) {
      await this.remove(pairs.map((pair) => pair.hostLink));
      throw error;
    }
  }

  /** Fine for links that are gone. Rejects `command-failed` naming those that could not be removed. */
  async remove(links: readonly string[]): Promise<void> {
    const present = links.filter((link) => this.exists(link));
    this.#guard.forget(links);
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

  /** Makes the links ports of the bridge again, after somebody removed the bridge. They are guarded from the guard's next `install` on. */
  async join(pairs: readonly VethPair[], settings: PortSettings): Promise<void> {
    this.#guard.know(pairs.map((pair) => guarded(pair, settings)));
    const links = pairs.map(({ hostLink }) => hostLink);
    const lines = links.map(
      (link) =>
        `link set dev ${link} master ${settings.bridge} up\nlink set dev ${link} type bridge_slave ${portOptions(settings)}\n`,
    );
    if (lines.length > 0) await this.#host.exec.must(['ip', '-batch', '-'], { input: lines.join('') });
    for (const link of links) hardenPort(link);
  }

  exists(link: string): boolean {
    return existsSync(`/sys/class/net/${link}`);
  }

  /** This engine's links, the bridges not counted. */
  list(): string[] {
    return readdirSync('/sys/class/net').filter((name) => name.startsWith(this.#prefix));
  }

  /** Ports of a bridge in use. */
  ports(bridge: string): number {
    const folder = `/sys/class/net/${bridge}/brif`;
    return existsSync(folder) ? readdirSync(folder).length : 0;
  }
}
