import { existsSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import { BRIDGE_OPTIONS, type NetworkDefinition } from '../model/network.ts';
import { planPools, prefixOf } from './ipam.ts';
import { parseIp } from '../lib/ip.ts';
import { MACVLAN_MODES } from './macvlan-segment.ts';
import type { NetworkDraft } from './network.ts';
import { usedPrefixes } from './subnet.ts';

/** Interface names are at most 15 bytes, without a slash or a blank. */
const LINK_NAME = /^[^\s/:]{1,15}$/;
const IPV6 = '/proc/net/if_inet6';

/** A draft with subnets, gateways and the host's link chosen. Throws what Docker would say. Makes nothing. */
export async function planNetwork(
  host: Host,
  draft: NetworkDraft,
  existing: readonly NetworkDefinition[],
): Promise<NetworkDefinition> {
  if (draft.ipv6 && !existsSync(IPV6))
    throw new HullError('not-supported', 'this host has no IPv6 (it is off in the kernel): leave --ipv6 out');
  const link = draft.driver === 'macvlan' ? parentOf(draft, existing) : bridgeOf(draft, existing);
  const macvlan = draft.driver === 'macvlan';
  const { pools: requests, ...rest } = draft;
  const pools = planPools(
    requests,
    { id: draft.id, ipv6: draft.ipv6, gateways: true, several: macvlan },
    {
      networks: existing
        // Outside networks are the user's to know: two parents may well have the same subnet.
        .filter(({ driver }) => !macvlan && driver === 'bridge')
        .flatMap((other) => other.pools.map((pool) => prefixOf(pool.subnet))),
      host: await usedPrefixes(host),
    },
  );
  return { ...rest, pools, link, createdAt: Date.now() };
}

function bridgeOf(draft: NetworkDraft, existing: readonly NetworkDefinition[]): string {
  checkOptions(draft);
  const asked = draft.options[BRIDGE_OPTIONS.name] ?? '';
  const name = asked === '' ? `br-${draft.id.slice(0, 12)}` : asked;
  if (!LINK_NAME.test(name) || name === '.' || name === '..')
    throw new HullError(
      'invalid-argument',
      `${BRIDGE_OPTIONS.name}: "${name}" is no name for a link (15 bytes at most)`,
    );
  const other = existing.find(({ link }) => link === name);
  if (other !== undefined)
    throw new HullError(
      'network-forbidden',
      `cannot create network ${draft.id} (${name}): conflicts with network ${other.id} (${other.link}): networks have same bridge name`,
    );
  if (existsSync(`/sys/class/net/${name}`))
    throw new HullError(
      'network-forbidden',
      `the host has a link ${name} that is not this engine's; choose another name for the bridge`,
    );
  return name;
}

function checkOptions({ options }: NetworkDraft): void {
  const mtu = options[BRIDGE_OPTIONS.mtu];
  if (mtu !== undefined && !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65_535))
    throw new HullError('invalid-argument', `${BRIDGE_OPTIONS.mtu}: "${mtu}" is no MTU (68 to 65535)`);
  for (const name of [BRIDGE_OPTIONS.icc, BRIDGE_OPTIONS.masquerade, BRIDGE_OPTIONS.guard]) {
    const value = options[name];
    if (
      value !== undefined &&
      !['true', 'false', '1', '0', 't', 'f', 'T', 'F', 'TRUE', 'FALSE', 'True', 'False'].includes(value)
    )
      throw new HullError('invalid-argument', `${name}: "${value}" is neither true nor false`);
  }
  const address = options[BRIDGE_OPTIONS.hostAddress];
  if (address !== undefined && parseIp(address)?.family !== 4)
    throw new HullError(
      'invalid-argument',
      `${BRIDGE_OPTIONS.hostAddress}: "${address}" is not an IPv4 address`,
    );
}

function parentOf(draft: NetworkDraft, existing: readonly NetworkDefinition[]): string {
  const parent = draft.options['parent'] ?? '';
  const mode = draft.options['macvlan_mode'] ?? 'bridge';
  if (!MACVLAN_MODES.some((known) => known === mode))
    throw new HullError(
      'invalid-argument',
      `macvlan_mode: "${mode}" is unknown; use ${MACVLAN_MODES.join(', ')}`,
    );
  if (parent === '' || draft.internal)
    throw new HullError(
      'not-supported',
      'a macvlan network needs a link of the host to be on: -o parent=LINK, and not --internal',
    );
  if (!LINK_NAME.test(parent) || !existsSync(`/sys/class/net/${parent}`))
    throw new HullError(
      'invalid-argument',
      `the host has no link ${JSON.stringify(parent)} to be the parent; make it first (for a VLAN: ip link add link eth0 name eth0.10 type vlan id 10)`,
    );
  const other = existing.find(({ driver, link }) => driver === 'macvlan' && link === parent);
  if (other !== undefined)
    throw new HullError(
      'network-forbidden',
      `network ${other.name} is already using parent interface ${parent}`,
    );
  return parent;
}
