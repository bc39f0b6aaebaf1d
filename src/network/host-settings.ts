import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Host } from '../host/host.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
/** How the engine's rules in somebody else's chain are recognised. */
const COMMENT = 'twinhull';

/** Kernel settings and other programs' firewall chains that the bridge depends on; each change is undone by `restore`. */
export class HostSettings {
  readonly #host: Host;
  readonly #bridge: string;
  /** Volatile, as the settings themselves are: both are gone after a reboot. */
  readonly #record: string;

  constructor(host: Host, bridge: string, record: string) {
    this.#host = host;
    this.#bridge = bridge;
    this.#record = record;
  }

  /** Idempotent. */
  async apply(): Promise<void> {
    if (readFileSync(IP_FORWARD, 'utf8').trim() === '0') {
      mkdirSync(dirname(this.#record), { recursive: true });
      writeFileSync(this.#record, 'ip_forward was 0\n');
      writeFileSync(IP_FORWARD, '1');
    }
    // Lets the host reach published ports by 127.0.0.1; the firewall keeps instances from reaching the host's loopback this way.
    writeFileSync(`/proc/sys/net/ipv4/conf/${this.#bridge}/route_localnet`, '1');
    await this.#openForwardChain();
  }

  /** Forwarding is turned off again only where the engine turned it on and no other bridge may need it by now. */
  async restore(): Promise<void> {
    await this.#closeForwardChain();
    if (!existsSync(this.#record)) return;
    if (!otherBridges(this.#bridge)) writeFileSync(IP_FORWARD, '0');
    rmSync(this.#record, { force: true });
  }

  /**
   * A packet must pass every forward chain on the host. Where iptables drops by default (Docker and ufw set that), packets of this bridge are
   * let through there and judged by the engine's own table alone. DOCKER-USER is the chain that Docker leaves to others.
   */
  async #openForwardChain(): Promise<void> {
    const rules = await this.#iptablesRules();
    if (rules === null) return;
    const chain = forwardChain(rules);
    if (chain === null || rules.includes(`-o ${this.#bridge} `)) return;
    for (const direction of ['-i', '-o']) {
      await this.#host.exec.run(['iptables', '-w', '-I', chain, ...this.#acceptRule(direction)]);
    }
  }

  async #closeForwardChain(): Promise<void> {
    const rules = await this.#iptablesRules();
    if (rules === null || !rules.includes(` ${this.#bridge} `)) return;
    for (const chain of ['FORWARD', 'DOCKER-USER']) {
      for (const direction of ['-i', '-o']) {
        if (rules.includes(`-A ${chain} ${direction} ${this.#bridge} `)) {
          await this.#host.exec.run(['iptables', '-w', '-D', chain, ...this.#acceptRule(direction)]);
        }
      }
    }
  }

  #acceptRule(direction: string): string[] {
    return [direction, this.#bridge, '-m', 'comment', '--comment', COMMENT, '-j', 'ACCEPT'];
  }

  /** Null without iptables, or where nobody has used it: asking it would create its tables. */
  async #iptablesRules(): Promise<string | null> {
    if (this.#host.exec.which('iptables') === null) return null;
    const tables = await this.#host.exec.run(['nft', 'list', 'tables', 'ip']);
    const legacy =
      existsSync('/proc/net/ip_tables_names') &&
      readFileSync('/proc/net/ip_tables_names', 'utf8').includes('filter');
    if (!legacy && !tables.stdout.split('\n').includes('table ip filter')) return null;
    const { code, stdout } = await this.#host.exec.run(['iptables', '-w', '-S']);
    return code === 0 ? stdout : null;
  }
}

/** Which chain of `iptables -S` has to let the bridge's packets through; null when none stands in the way. */
export function forwardChain(rules: string): 'DOCKER-USER' | 'FORWARD' | null {
  const lines = rules.split('\n');
  if (
    !lines.includes('-P FORWARD DROP') &&
    !lines.some((line) => /^-A FORWARD .*-j (DROP|REJECT)/.test(line))
  )
    return null;
  return lines.includes('-N DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD';
}

function otherBridges(own: string): boolean {
  return readdirSync('/sys/class/net').some(
    (link) => link !== own && existsSync(`/sys/class/net/${link}/bridge`),
  );
}
