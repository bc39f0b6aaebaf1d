import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import type { NetworkDefinition } from '../model/network.ts';
import { type Plug, type Segment, SegmentAddresses } from './segment.ts';

export const MACVLAN_MODES = ['bridge', 'private', 'vepa', 'passthru'] as const;

/** Links of a network card's own, each with a hardware address of its own: its instances are computers on the network outside. The host takes no part. */
export class MacvlanSegment implements Segment {
  readonly definition: NetworkDefinition;
  readonly addresses: SegmentAddresses;
  readonly mtu: number;
  readonly resolver = null;
  readonly hasHostLinks = false;
  readonly #host: Host;

  constructor(host: Host, definition: NetworkDefinition, mtu: number) {
    this.#host = host;
    this.definition = definition;
    this.mtu = mtu;
    this.addresses = new SegmentAddresses(definition);
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  /** They vanish with their namespace: there is nothing to undo. */
  async plug(plugs: readonly Plug[]): Promise<void> {
    const mode = this.definition.options['macvlan_mode'] ?? 'bridge';
    const lines = plugs.map(
      ({ name, macAddress, namespace }) =>
        `link add link ${this.definition.link} name ${name} mtu ${this.mtu} address ${macAddress} netns "${namespace}" type macvlan mode ${mode}\n`,
    );
    const { code, stderr } = await this.#host.exec.run(['ip', '-batch', '-'], { input: lines.join('') });
    if (code !== 0)
      throw new HullError(
        'command-failed',
        `cannot make a link of ${this.definition.link} for the network ${this.definition.name}: ${stderr.trim().slice(0, 500)}`,
      );
  }

  rejoin(): Promise<void> {
    return Promise.resolve();
  }
}
