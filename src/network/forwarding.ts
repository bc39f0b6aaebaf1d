import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import type { TableFamily } from './nft.ts';

const IPV4_CONF = '/proc/sys/net/ipv4/conf';
const IPV6_CONF = '/proc/sys/net/ipv6/conf';
/** The kernel's switches. Each sets the setting of the same name on every link and on the links that come later. */
const SWITCHES: Readonly<Record<TableFamily, string>> = {
  ip: '/proc/sys/net/ipv4/ip_forward',
  ip6: `${IPV6_CONF}/all/forwarding`,
};
/** Turning IPv4 forwarding on or off sets this too (net/ipv4/devinet.c, inet_forward_change). */
const ACCEPT_REDIRECTS = `${IPV4_CONF}/all/accept_redirects`;
const FAMILIES: readonly TableFamily[] = ['ip', 'ip6'];
/** One table for all engines of the host. It exists exactly as long as forwarding is on because of them. */
const TABLE = 'hull_forwarding';
/** Links of other managers of containers and machines, which judge their packets themselves; `br-` is Docker's prefix, and ours. */
const MANAGED = ['docker*', 'br-*', 'hull-*', 'podman*', 'cni*', 'virbr*', 'lxcbr*', 'lxdbr*', 'incusbr*'];

/** Kernel settings with their former values. */
const Changes = v.record(v.string(), v.string());
const RouteList = v.array(
  v.looseObject({
    dev: v.optional(v.string(), ''),
    protocol: v.optional(v.string(), ''),
    expires: v.optional(v.number()),
  }),
);

/** What the shared table says. */
export interface ForwardingTable {
  /** Bridges of all engines. */
  readonly bridges: readonly string[];
  /** Links that forwarded before forwarding was turned on for all. */
  readonly before: readonly string[];
  /** The former value of `ACCEPT_REDIRECTS`; null where it was not recorded. */
  readonly acceptRedirects: string | null;
}

/**
 * Turns forwarding on for the engine's bridges without making the host a router between networks of others: where it was off, what neither
 * comes from nor goes to a bridge of an engine's is dropped, as it was not forwarded before. Where it was on, nothing is changed.
 */
export class Forwarding {
  readonly #host: Host;
  /** Settings that are changed for a moment, with their former values: the next daemon sets them back when this one is killed meanwhile. */
  readonly #record: string;

  constructor(host: Host, record: string) {
    this.#host = host;
    this.#record = record;
  }

  /** For a bridge, in one family. Idempotent. */
  async turnOn(family: TableFamily, bridge: string): Promise<void> {
    // In this order: another engine makes the table before it turns forwarding on.
    const on = isOn(family);
    const table = await this.#table(family);
    // An earlier version recorded the switch itself.
    const ours = table !== null || Object.hasOwn(this.#recorded(), SWITCHES[family]);
    if (on && !ours) return;
    if (table === null) await this.#nft(creationText(family, on ? [] : forwardingLinks(family)));
    await this.#nft(`add element ${family} ${TABLE} bridges { "${bridge}" }\n`);
    if (!isOn(family)) await (family === 'ip' ? this.#write(SWITCHES.ip, '1') : this.#switchOnIpv6());
  }

  /** Settings that a killed daemon, or an earlier version, left changed. The switches stay as they are. */
  recover(): void {
    const switches: readonly string[] = Object.values(SWITCHES);
    const changed = this.#recorded();
    for (const [path, value] of Object.entries(changed))
      if (!switches.includes(path)) restoreSetting(path, value);
    const left = Object.fromEntries(Object.entries(changed).filter(([path]) => switches.includes(path)));
    if (Object.keys(left).length === 0) rmSync(this.#record, { force: true });
    else writeFileSync(this.#record, JSON.stringify(left));
  }

  /** The bridge is forwarded for no more. Fine for one that is not known. */
  async forget(bridge: string): Promise<void> {
    for (const family of FAMILIES) {
      const table = await this.#table(family);
      if (table?.bridges.includes(bridge) === true)
        await this.#nft(`delete element ${family} ${TABLE} bridges { "${bridge}" }\n`);
    }
  }

  /** Turns off what engines turned on, where no bridge is left that needs it. */
  async restore(): Promise<void> {
    this.recover();
    rmSync(this.#record, { force: true });
    for (const family of FAMILIES) {
      const table = await this.#table(family);
      if (table === null || table.bridges.some(isLink) || managedBridges()) continue;
      this.#write(SWITCHES[family], '0');
      if (family === 'ip' && table.acceptRedirects !== null)
        restoreSetting(ACCEPT_REDIRECTS, table.acceptRedirects);
      for (const link of table.before) restoreSetting(`${confOf(family)}/${link}/forwarding`, '1');
      await this.#nft(`delete table ${family} ${TABLE}\n`);
    }
  }

  /**
   * A link that forwards ignores routers' advertisements, and the kernel forgets the default routes that came from them the moment forwarding is
   * turned on for all. Only the switch for all decides whether packets are forwarded, so each link is told to go on as before. Where routes
   * were learnt, the link listens in both states (`accept_ra` 2) until that is done.
   */
  async #switchOnIpv6(): Promise<void> {
    const learnt = await this.#linksWithLearntRoutes();
    const forwarding = readdirSync(IPV6_CONF)
      .filter((link) => link !== 'all')
      .map((link) => `${IPV6_CONF}/${link}/forwarding`)
      .filter((path) => readOr(path) === '0');
    const listening = learnt
      .map((link) => `${IPV6_CONF}/${link}/accept_ra`)
      .filter((path) => readOr(path) === '1');
    const former = [...forwarding.map((path) => [path, '0']), ...listening.map((path) => [path, '1'])];
    mkdirSync(dirname(this.#record), { recursive: true });
    writeFileSync(this.#record, JSON.stringify({ ...this.#recorded(), ...Object.fromEntries(former) }));
    for (const path of listening) restoreSetting(path, '2');
    this.#write(SWITCHES.ip6, '1');
    this.recover();
  }

  /** Links with routes of routers' advertisements: those marked so, and the prefixes of addresses, which have an end. */
  async #linksWithLearntRoutes(): Promise<string[]> {
    const { code, stdout } = await this.#host.exec.run(['ip', '-6', '-j', 'route', 'show', 'table', 'all']);
    return code === 0 ? learntLinks(stdout) : [];
  }

  #recorded(): Readonly<Record<string, string>> {
    try {
      return v.parse(Changes, JSON.parse(readFileSync(this.#record, 'utf8')));
    } catch {
      return {};
    }
  }

  #write(path: string, value: string): void {
    if (readOr(path) !== value) writeFileSync(path, value);
  }

  async #table(family: TableFamily): Promise<ForwardingTable | null> {
    const { code, stdout } = await this.#host.exec.run(['nft', 'list', 'table', family, TABLE]);
    return code === 0 ? parseTable(stdout) : null;
  }

  async #nft(text: string): Promise<void> {
    const { code, stderr } = await this.#host.exec.run(['nft', '-f', '-'], { input: text });
    if (code !== 0)
      throw new HullError(
        'command-failed',
        `nft refused a change of the firewall table ${TABLE}: ${stderr.trim().slice(0, 1000)}`,
      );
  }
}

/** Frames that a bridge passes on between its own ports are seen here too where `bridge-nf-call-iptables` is on: from a bridge to a bridge. */
function creationText(family: TableFamily, before: readonly string[]): string {
  const elements =
    before.length === 0 ? '' : `elements = { ${before.map((link) => `"${link}"`).join(', ')} };`;
  const managed = MANAGED.map((name) => `    iifname "${name}" accept\n    oifname "${name}" accept\n`);
  return `table ${family} ${TABLE} {
  comment "accept_redirects=${readOr(ACCEPT_REDIRECTS)}"
  set bridges { type ifname; }
  set before { type ifname; ${elements} }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname @bridges accept
    oifname @bridges accept
${family === 'ip' ? '    iifname @before accept\n' : ''}${managed.join('')}    meta iifkind "bridge" meta oifkind "bridge" accept
    drop
  }
}
`;
}

/** Links that forward of themselves; `default` for those to come. */
function forwardingLinks(family: TableFamily): string[] {
  return readdirSync(confOf(family)).filter(
    (link) => link !== 'all' && readOr(`${confOf(family)}/${link}/forwarding`) === '1',
  );
}

/** The output of `nft list table` on a table of `creationText`. Any other text gives empty lists. */
export function parseTable(text: string): ForwardingTable {
  const elements = (set: string): string[] => {
    const body = new RegExp(`set ${set} \\{[^{}]*elements = \\{([^{}]*)\\}`).exec(text)?.[1] ?? '';
    return [...body.matchAll(/"([^"\n]+)"/g)].flatMap(([, name]) => name ?? []);
  };
  const acceptRedirects = /comment "accept_redirects=([01])"/.exec(text)?.[1] ?? null;
  return { bridges: elements('bridges'), before: elements('before'), acceptRedirects };
}

/** `ip -6 -j route`; nothing for text that is not its JSON. */
export function learntLinks(json: string): string[] {
  try {
    const routes = v.parse(RouteList, JSON.parse(json));
    const learnt = routes.filter(
      ({ protocol, expires }) => protocol === 'ra' || (protocol === 'kernel' && expires !== undefined),
    );
    return [...new Set(learnt.map(({ dev }) => dev))].filter(isLink);
  } catch {
    return [];
  }
}

const confOf = (family: TableFamily): string => (family === 'ip' ? IPV4_CONF : IPV6_CONF);
const isOn = (family: TableFamily): boolean => readOr(SWITCHES[family]) === '1';
const isLink = (name: string): boolean => /^[^/\s]+$/.test(name) && existsSync(`/sys/class/net/${name}`);

/** Is there a bridge whose manager found forwarding on, and so did not need to turn it on? */
function managedBridges(): boolean {
  const prefixes = MANAGED.map((name) => name.slice(0, -1));
  return readdirSync('/sys/class/net').some(
    (link) =>
      existsSync(`/sys/class/net/${link}/bridge`) && prefixes.some((prefix) => link.startsWith(prefix)),
  );
}

/** Fine for a link that is gone. */
function restoreSetting(path: string, value: string): void {
  if (existsSync(path)) writeFileSync(path, value);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
