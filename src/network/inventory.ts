import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Leftover } from '../model/leftover.ts';
import type { Bridge } from './bridge.ts';
import type { Firewall } from './firewall.ts';
import type { HostSettings } from './host-settings.ts';
import { forwardsOf, namespaceOf } from './lease.ts';
import type { Links } from './links.ts';
import type { KnownLease } from './network.ts';
import type { Forward } from './nft.ts';
import type { Segment } from './segment.ts';

export interface InventoryOptions {
  readonly host: Host;
  readonly identity: EngineIdentity;
  /** Where namespaces are pinned. */
  readonly folder: string;
  readonly bridge: Bridge;
  readonly links: Links;
  readonly settings: HostSettings;
  /** Null: rules are not listed. */
  readonly firewall: Firewall | null;
  /** False: bridges are not listed. */
  readonly bridges?: boolean;
  /** What the running network knows; null when it does not run. */
  readonly active: {
    readonly leases: ReadonlyMap<string, KnownLease>;
    /** What exists on purpose though no lease speaks of it: the pool's, and what is just made, handed out or removed. */
    readonly held: readonly string[];
    readonly segments: Iterable<Segment>;
  } | null;
}

/**
 * Every network object with this engine's tag. Those of a lease have the instance as owner. While the network runs, bridges, tables and the idle
 * pool are in use and not listed; otherwise they are listed without owner.
 */
export async function listLeftovers(options: InventoryOptions): Promise<Leftover[]> {
  const { active } = options;
  const owners = ownersOf(active?.leases ?? new Map<string, KnownLease>());
  const used = new Set([
    ...(active?.held ?? []),
    ...[...(active?.segments ?? [])].map(({ definition }) => definition.link),
  ]);
  const expected = ({ what }: Found) => used.has(what) && !owners.has(what);
  const owner = (what: string) => owners.get(what) ?? null;
  const found = [
    ...namespaces(options),
    ...links(options),
    ...(options.bridges === false ? [] : bridges(options)),
    ...(options.firewall === null ? [] : await rules(options.firewall, active !== null)),
  ];
  return found
    .filter((leftover) => !expected(leftover))
    .map((leftover) => ({ ...leftover, owner: owner(leftover.what) }));
}

type Found = Omit<Leftover, 'owner'>;

function ownersOf(leases: ReadonlyMap<string, KnownLease>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [id, { lease }] of leases) {
    const links = lease.attachments.map(({ hostLink }) => hostLink);
    const names = [namespaceOf(lease), ...links, ...forwardsOf(lease).map(nameOf)];
    for (const name of names) if (name !== null) owners.set(name, id);
  }
  return owners;
}

function namespaces({ host, folder }: InventoryOptions): Found[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => {
    const what = join(folder, name);
    return { kind: 'namespace', what, remove: () => host.namespaces.removeNet(what) };
  });
}

function links(options: InventoryOptions): Found[] {
  return options.links
    .list()
    .map((what) => ({ kind: 'link', what, remove: () => options.links.remove([what]) }));
}

/** The default bridge while nothing runs, and the bridges of users' networks: their alias tells whose they are. */
function bridges({ bridge, active, host, identity, settings }: InventoryOptions): Found[] {
  const remove = async (what: string): Promise<void> => {
    await settings.expel(what);
    await host.exec.must(['ip', 'link', 'delete', 'dev', what]);
  };
  const own = active === null && bridge.exists() ? [bridge.name] : [];
  const marked = readdirSync('/sys/class/net').filter((link) =>
    markOn(link).startsWith(`hull ${identity.tag} `),
  );
  return [...own, ...marked].map((what) => ({ kind: 'link', what, remove: () => remove(what) }));
}

function markOn(link: string): string {
  if (!existsSync(`/sys/class/net/${link}/bridge`)) return '';
  try {
    return readFileSync(`/sys/class/net/${link}/ifalias`, 'utf8');
  } catch {
    return '';
  }
}

async function rules(firewall: Firewall, running: boolean): Promise<Found[]> {
  const published = (await firewall.published()).map((forward): Found => {
    return { kind: 'nft', what: nameOf(forward), remove: () => firewall.withdraw([forward]) };
  });
  if (running || !(await firewall.exists())) return published;
  return [...published, { kind: 'nft', what: `table ip ${firewall.table}`, remove: () => firewall.remove() }];
}

function nameOf({ protocol, hostIp, hostPort, address, port }: Forward): string {
  const bracket = (text: string) => (text.includes(':') ? `[${text}]` : text);
  return `${bracket(hostIp)}:${hostPort}/${protocol} -> ${bracket(address)}:${port}`;
}
