import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
const IPV6_CONF = '/proc/sys/net/ipv6/conf';
/** How the engine's rules in somebody else's chain are recognised. */
const COMMENT = 'twinhull';

/** What was changed: kernel settings with their former values. */
const Changes = v.record(v.string(), v.string());

/** Kernel settings and other programs' firewall chains that bridges depend on; each change is undone by `restore`. */
export class HostSettings {
  readonly #host: Host;
  /** Volatile, as the settings themselves are: both are gone after a reboot. */
  readonly #record: string;
  /** Bridges that were admitted by this object or are to be let go. */
  readonly #bridges = new Set<string>();

  constructor(host: Host, record: string) {
    this.#host = host;
    this.#record = record;
  }

  /** IPv4 forwarding. Idempotent. */
  forward(): void {
    this.#set(IP_FORWARD, '1');
  }

  /**
   * IPv6 forwarding, and on the bridge nothing learnt from routers. A host that forwards ignores routers' advertisements unless told otherwise:
   * where it listened before, it goes on, or it would lose its own default route.
   */
  async forwardIpv6(bridge: string): Promise<void> {
    if (readOr(`${IPV6_CONF}/all/forwarding`) !== '1') {
      for (const link of readdirSync(IPV6_CONF)) {
        const path = `${IPV6_CONF}/${link}/accept_ra`;
        if (readOr(path) === '1') this.#set(path, '2');
      }
      this.#set(`${IPV6_CONF}/all/forwarding`, '1');
    }
    for (const [name, value] of [
      ['disable_ipv6', '0'],
      ['accept_ra', '0'],
      ['forwarding', '1'],
    ] as const)
      writeFileSync(`${IPV6_CONF}/${bridge}/${name}`, value);
    await this.#openChain('ip6tables', bridge);
  }

  /** Lets the bridge's packets through where iptables drops by default. Idempotent. */
  async admit(bridge: string): Promise<void> {
    this.#bridges.add(bridge);
    await this.#openChain('iptables', bridge);
  }

  async expel(bridge: string): Promise<void> {
    this.#bridges.delete(bridge);
    await this.#closeChain('iptables', bridge);
    await this.#closeChain('ip6tables', bridge);
  }

  /** What was there before. Forwarding is turned off again only where the engine turned it on and no other bridge may need it by now. */
  async restore(own: string): Promise<void> {
    for (const bridge of [...this.#bridges, own]) await this.expel(bridge);
    const needed = otherBridges(own);
    for (const [path, value] of Object.entries(this.#changed())) {
      if (!needed && existsSync(path)) writeFileSync(path, value);
    }
    rmSync(this.#record, { force: true });
  }

  #set(path: string, value: string): void {
    const before = readOr(path);
    if (before === value) return;
    const changed = this.#changed();
    mkdirSync(dirname(this.#record), { recursive: true });
    writeFileSync(this.#record, JSON.stringify({ [path]: before, ...changed }));
    writeFileSync(path, value);
  }

  #changed(): Readonly<Record<string, string>> {
    try {
      return v.parse(Changes, JSON.parse(readFileSync(this.#record, 'utf8')));
    } catch {
      return {};
    }
  }

  /**
   * A packet must pass every forward chain on the host. Where iptables drops by default (Docker and ufw set that), packets of this bridge are
   * let through there and judged by the engine's own table alone. DOCKER-USER is the chain that Docker leaves to others.
   */
  async #openChain(program: Program, bridge: string): Promise<void> {
    const rules = await this.#rules(program);
    if (rules === null) return;
    const chain = forwardChain(rules);
    if (chain === null || rules.includes(`-o ${bridge} `)) return;
    for (const direction of ['-i', '-o']) {
      await this.#host.exec.run([program, '-w', '-I', chain, ...acceptRule(direction, bridge)]);
    }
  }

  async #closeChain(program: Program, bridge: string): Promise<void> {
    const rules = await this.#rules(program);
    if (rules === null || !rules.includes(` ${bridge} `)) return;
    for (const chain of ['FORWARD', 'DOCKER-USER']) {
      for (const direction of ['-i', '-o']) {
        if (rules.includes(`-A ${chain} ${direction} ${bridge} `)) {
          await this.#host.exec.run([program, '-w', '-D', chain, ...acceptRule(direction, bridge)]);
        }
      }
    }
  }

  /** Null without iptables, or where nobody has used it: asking it would create its tables. */
  async #rules(program: Program): Promise<string | null> {
    if (this.#host.exec.which(program) === null) return null;
    const family = program === 'iptables' ? 'ip' : 'ip6';
    const tables = await this.#host.exec.run(['nft', 'list', 'tables', family]);
    const legacy = readOr(`/proc/net/${family}_tables_names`).includes('filter');
    if (!legacy && !tables.stdout.split('\n').includes(`table ${family} filter`)) return null;
    const { code, stdout } = await this.#host.exec.run([program, '-w', '-S']);
    return code === 0 ? stdout : null;
  }
}

type Program = 'iptables' | 'ip6tables';

function acceptRule(direction: string, bridge: string): string[] {
  return [direction, bridge, '-m', 'comment', '--comment', COMMENT, '-j', 'ACCEPT'];
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

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
