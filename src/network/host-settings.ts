import type { Host } from '../host/host.ts';
import { ForeignChains } from './foreign-chains.ts';
import { Forwarding } from './forwarding.ts';
import { forwardIpv6 } from './link-settings.ts';

/** Kernel settings and other programs' firewall chains that bridges depend on; each change is undone by `restore`. */
export class HostSettings {
  readonly #forwarding: Forwarding;
  readonly #chains: ForeignChains;
  /** Bridges that were admitted by this object. */
  readonly #bridges = new Set<string>();

  /** `record`: volatile, as the settings themselves are: both are gone after a reboot. */
  constructor(host: Host, record: string) {
    this.#forwarding = new Forwarding(host, record);
    this.#chains = new ForeignChains(host);
  }

  /** Undoes what a killed daemon could not. */
  recover(): void {
    this.#forwarding.recover();
  }

  /** What enters and leaves by this bridge is forwarded, in these families. Idempotent. */
  async admit(bridge: string, ipv6: boolean): Promise<void> {
    this.#bridges.add(bridge);
    await this.#forwarding.turnOn('ip', bridge);
    await this.#chains.open('ip', bridge);
    if (!ipv6) return;
    await this.#forwarding.turnOn('ip6', bridge);
    forwardIpv6(bridge);
    await this.#chains.open('ip6', bridge);
  }

  async expel(bridge: string): Promise<void> {
    this.#bridges.delete(bridge);
    await this.#chains.close('ip', bridge);
    await this.#chains.close('ip6', bridge);
    await this.#forwarding.forget(bridge);
  }

  /** What was there before. The bridges are gone by now; `own`: the default one. */
  async restore(own: string): Promise<void> {
    for (const bridge of [...this.#bridges, own]) await this.expel(bridge);
    await this.#forwarding.restore();
  }
}
