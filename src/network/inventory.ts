import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { Leftover } from '../runtime/runtime.ts';
import type { Bridge } from './bridge.ts';
import type { Endpoint } from './endpoints.ts';
import type { Firewall } from './firewall.ts';
import { endpointOf, forwardsOf, type KnownLease, namespaceOf } from './lease.ts';
import type { Links } from './links.ts';
import type { Forward } from './nft.ts';

export interface InventoryOptions {
  readonly host: Host;
  /** Where namespaces are pinned. */
  readonly folder: string;
  readonly bridge: Bridge;
  readonly links: Links;
  /** Null: rules are not listed. */
  readonly firewall: Firewall | null;
  /** What the running network knows; null when it does not run. */
  readonly active: {
    readonly leases: ReadonlyMap<string, KnownLease>;
    readonly endpoints: { readonly held: Iterable<Endpoint> };
  } | null;
}

/**
 * Every network object with this engine's tag. Those of a lease have the instance as owner. While the network runs, bridge, table and the idle
 * pool are in use and not listed; otherwise they are listed without owner.
 */
export async function listLeftovers(options: InventoryOptions): Promise<Leftover[]> {
  const owners = ownersOf(options.active?.leases ?? new Map<string, KnownLease>());
  // The pool's, and those that are just made, handed out or removed: no lease speaks of them yet, or any more.
  const held = new Set(
    [...(options.active?.endpoints.held ?? [])].flatMap((each) => [each.namespace, each.hostLink]),
  );
  const expected = ({ what }: Found) => held.has(what) && !owners.has(what);
  const owner = (what: string) => owners.get(what) ?? null;
  const found = [
    ...namespaces(options),
    ...links(options),
    ...(options.active === null ? bridges(options) : []),
    ...(options.firewall === null ? [] : await rules(options.firewall, options.active !== null)),
  ];
  return found
    .filter((leftover) => !expected(leftover))
    .map((leftover) => ({ ...leftover, owner: owner(leftover.what) }));
}

type Found = Omit<Leftover, 'owner'>;

function ownersOf(leases: ReadonlyMap<string, KnownLease>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [id, { lease }] of leases) {
    const names = [namespaceOf(lease), endpointOf(lease)?.hostLink ?? null, ...forwardsOf(lease).map(nameOf)];
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

function bridges({ bridge }: InventoryOptions): Found[] {
  return bridge.exists() ? [{ kind: 'link', what: bridge.name, remove: () => bridge.remove() }] : [];
}

async function rules(firewall: Firewall, running: boolean): Promise<Found[]> {
  const published = (await firewall.published()).map((forward): Found => {
    return { kind: 'nft', what: nameOf(forward), remove: () => firewall.withdraw([forward]) };
  });
  if (running || !(await firewall.exists())) return published;
  return [...published, { kind: 'nft', what: `table ip ${firewall.table}`, remove: () => firewall.remove() }];
}

function nameOf({ protocol, hostIp, hostPort, address, port }: Forward): string {
  return `${hostIp}:${hostPort}/${protocol} -> ${address}:${port}`;
}
