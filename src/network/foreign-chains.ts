import { readFileSync } from 'node:fs';
import type { Host } from '../host/host.ts';

/** How the engine's rules in somebody else's chain are recognised. */
const COMMENT = 'twinhull';
type Family = 'ip' | 'ip6';

/**
 * Lets bridges through where iptables drops what is forwarded. A packet must pass every forward chain of the host; those of the engine's bridges
 * are let through there, and judged by the engine's own table alone. Both kinds of iptables are looked at: each has chains of its own.
 */
export class ForeignChains {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Idempotent. DOCKER-USER is the chain that Docker leaves to others. */
  async open(family: Family, bridge: string): Promise<void> {
    for (const program of await this.#programs(family)) {
      const rules = await this.#rules(program);
      const chain = forwardChain(rules);
      if (chain === null || rules.includes(`-o ${bridge} `)) continue;
      for (const direction of ['-i', '-o'])
        await this.#host.exec.run([program, '-w', '-I', chain, ...acceptRule(direction, bridge)]);
    }
  }

  /** Fine for a bridge that was never let through. */
  async close(family: Family, bridge: string): Promise<void> {
    for (const program of await this.#programs(family)) {
      const rules = await this.#rules(program);
      for (const chain of ['FORWARD', 'DOCKER-USER'])
        for (const direction of ['-i', '-o'])
          if (rules.includes(`-A ${chain} ${direction} ${bridge} `))
            await this.#host.exec.run([program, '-w', '-D', chain, ...acceptRule(direction, bridge)]);
    }
  }

  /** The kinds of iptables that have a table here. To ask one that has none would create it. */
  async #programs(family: Family): Promise<string[]> {
    const { exec } = this.#host;
    const name = family === 'ip' ? 'iptables' : 'ip6tables';
    if (exec.which(name) === null) return [];
    const kind = (suffix: string) => (exec.which(`${name}-${suffix}`) === null ? name : `${name}-${suffix}`);
    const tables = await exec.run(['nft', 'list', 'tables', family]);
    const modern = tables.stdout.split('\n').includes(`table ${family} filter`) ? [kind('nft')] : [];
    const legacy = legacyTables(family).includes('filter') ? [kind('legacy')] : [];
    return [...new Set([...modern, ...legacy])];
  }

  async #rules(program: string): Promise<string> {
    const { code, stdout } = await this.#host.exec.run([program, '-w', '-S']);
    return code === 0 ? stdout : '';
  }
}

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

function legacyTables(family: Family): string[] {
  try {
    return readFileSync(`/proc/net/${family}_tables_names`, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}
