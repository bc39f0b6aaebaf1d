import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import { BRIDGE_OPTIONS, type NetworkDefinition } from '../model/network.ts';
import { Bridge } from './bridge.ts';
import type { ServerPorts } from './dns/commands.ts';
import type { ResolverThread } from './dns/resolver-thread.ts';
import type { HostSettings } from './host-settings.ts';
import { type Address, formatIp, linkLocalOf, macOf, parseIp } from '../lib/ip.ts';
import { prefixOf } from './ipam.ts';
import type { Links, PortSettings } from './links.ts';
import type { BridgeRules } from './nft.ts';
import type { PortGuard } from './port-guard.ts';
import { type Plug, type Segment, SegmentAddresses, slotOf } from './segment.ts';

export interface BridgeSegmentParts {
  readonly host: Host;
  readonly links: Links;
  readonly settings: HostSettings;
  readonly guard: PortGuard;
  readonly linkName: (slot: string) => string;
  readonly resolver: ResolverThread;
  /** Tried first by the DNS server. */
  readonly dnsPort: number;
  /** What the bridge is known by as this engine's. */
  readonly mark: string;
}

/** The guard of this many links to come is set with one of the present. */
const AHEAD = 64;

/** A bridge with its address, DNS server and ports. The default one's link is made before: its subnet depends on it. */
export class BridgeSegment implements Segment {
  readonly definition: NetworkDefinition;
  readonly addresses: SegmentAddresses;
  readonly mtu: number;
  readonly hasHostLinks = true;
  readonly #parts: BridgeSegmentParts;
  readonly #bridge: Bridge;
  #ports: ServerPorts | null = null;

  constructor(parts: BridgeSegmentParts, definition: NetworkDefinition, mtu: number) {
    this.#parts = parts;
    this.definition = definition;
    this.mtu = mtu;
    this.addresses = new SegmentAddresses(definition);
    this.#bridge = new Bridge(parts.host, definition.link);
  }

  /** Its server listens elsewhere: the rules are to be set anew. */
  moved(ports: ServerPorts): void {
    if (this.#ports !== null) this.#ports = ports;
  }

  get resolver(): string | null {
    return this.#gateways[0]?.text ?? null;
  }

  /** The bridge is there when it returns; a default bridge's link must be there before. */
  async open(): Promise<void> {
    const { settings, mark, guard } = this.#parts;
    const [first] = this.#gateways;
    if (first === undefined)
      throw new HullError('internal', `the bridge ${this.definition.name} has no address`);
    if (mark !== '') {
      await this.#bridge.make({
        addresses: this.#gateways.map(({ text, length }) => `${text}/${length}`),
        macAddress: macOf(first.address),
        mtu: this.mtu,
        mark,
      });
    }
    if (this.definition.ipv6)
      await guard.reserve(this.definition.link, formatIp(linkLocalOf(macOf(first.address))));
    await settings.admit(this.definition.link, this.definition.ipv6);
    const { resolver, dnsPort } = this.#parts;
    this.#ports = await resolver.listen({
      networkId: this.definition.id,
      address: first.text,
      ports: { udp: dnsPort, tcp: dnsPort },
    });
  }

  async close(): Promise<void> {
    if (this.#ports !== null) await this.#parts.resolver.close(this.definition.id);
    this.#ports = null;
  }

  async remove(): Promise<void> {
    await this.close();
    await this.#parts.settings.expel(this.definition.link);
    await this.#bridge.remove();
  }

  async plug(plugs: readonly Plug[]): Promise<void> {
    await this.#parts.links.create(plugs, this.#portSettings(), () => this.#upcoming());
  }

  async rejoin(plugs: readonly Plug[]): Promise<void> {
    await this.#parts.links.join(plugs, this.#portSettings());
  }

  /** For the tables of both families. */
  rules(): { ip: BridgeRules | null; ip6: BridgeRules | null } {
    const common = {
      bridge: this.definition.link,
      internal: this.definition.internal,
      among: flagOf(this.definition, BRIDGE_OPTIONS.icc),
      masquerade: flagOf(this.definition, BRIDGE_OPTIONS.masquerade),
      subnetOnly: this.#parts.guard.missing !== null && flagOf(this.definition, BRIDGE_OPTIONS.guard),
    };
    const rule = (family: 4 | 6, dns: BridgeRules['dns']): BridgeRules | null => {
      const gateway = this.#gateways.find(({ address }) => address.family === family);
      return gateway === undefined ? null : { ...common, subnet: gateway.subnet, gateway: gateway.text, dns };
    };
    return { ip: rule(4, this.#ports), ip6: rule(6, null) };
  }

  /** The links of addresses that come next, where all of a link follows from its address. */
  #upcoming(): Omit<Plug, 'namespace'>[] {
    if (this.definition.ipv6) return [];
    return this.addresses
      .pool(4)
      .upcoming(AHEAD)
      .map((address) => {
        const hostLink = this.#parts.linkName(slotOf(this.definition.id, formatIp(address)));
        return { name: '', hostLink, macAddress: macOf(address), addresses: [formatIp(address)] };
      });
  }

  #portSettings(): PortSettings {
    return {
      bridge: this.definition.link,
      mtu: this.mtu,
      isolated: !flagOf(this.definition, BRIDGE_OPTIONS.icc),
      open: !flagOf(this.definition, BRIDGE_OPTIONS.guard),
    };
  }

  get #gateways(): { address: Address; text: string; length: number; subnet: string }[] {
    return this.definition.pools.flatMap(({ gateway, subnet }) => {
      const address = parseIp(gateway);
      return address === null ? [] : [{ address, text: gateway, length: prefixOf(subnet).length, subnet }];
    });
  }
}

/** A boolean option of Docker's; absent and malformed ones are true, as these are by default. */
function flagOf(definition: NetworkDefinition, option: string): boolean {
  return !['false', '0', 'f', 'F', 'False', 'FALSE'].includes(definition.options[option] ?? 'true');
}
