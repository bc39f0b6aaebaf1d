import type { NetworkCreateRequest } from '../../../api/docker.ts';
import { defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';
import { UsageError } from '../usage-error.ts';
import { pairsOf } from '../values/networks.ts';

const FLAGS = {
  attachable: bool('For scripts written for docker: any instance may be connected anyway'),
  'aux-address': list('Addresses that are others’', { placeholder: 'NAME=ADDRESS' }),
  driver: text('bridge or macvlan', { short: 'd', shownDefault: 'bridge', complete: ['bridge', 'macvlan'] }),
  gateway: list('Gateway of a subnet', { placeholder: 'ADDRESS' }),
  internal: bool('No way in or out, but for the host itself'),
  'ip-range': list('Hand out addresses of this part of a subnet only', { placeholder: 'SUBNET' }),
  ipv6: bool('Give instances IPv6 addresses too'),
  label: list('Set metadata', { placeholder: 'NAME=VALUE' }),
  opt: list('An option of the driver, such as com.docker.network.driver.mtu=1400 or parent=eth0', {
    short: 'o',
    placeholder: 'NAME=VALUE',
  }),
  subnet: list('Subnet, such as 10.9.0.0/24 or fd00:9::/64', { placeholder: 'SUBNET' }),
} as const;

export const command = defineCommand({
  usage: 'create [OPTIONS] NAME',
  summary: 'Make a network',
  example: 'hull network create --subnet 10.9.0.0/24 --gateway 10.9.0.1 backend',
  flags: FLAGS,
  args: { min: 1, max: 1 },
  run: async ({ io, client }, values, [name = '']) => {
    const request: NetworkCreateRequest = {
      Name: name,
      Driver: values.driver ?? 'bridge',
      Internal: values.internal,
      Attachable: values.attachable,
      ...(values.ipv6 ? { EnableIPv6: true } : {}),
      IPAM: { Driver: 'default', Config: poolsOf(values) },
      Options: pairsOf(values.opt),
      Labels: pairsOf(values.label),
    };
    const { Id } = await client.networks.create(request);
    io.out(`${Id}\n`);
    return 0;
  },
});

interface PoolFlags {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly 'aux-address': readonly string[];
}

interface Pool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** Gateways, ranges and auxiliary addresses belong to the subnet that is of their family, in the order in which they are given. */
function poolsOf(values: PoolFlags): Pool[] {
  const pools = values.subnet.map((Subnet): Pool => ({ Subnet }));
  const placeOf = (flag: string, value: string, free: (pool: Pool) => boolean): Pool => {
    const pool = pools.find((one) => one.Subnet.includes(':') === value.includes(':') && free(one));
    if (pool === undefined) throw new UsageError(`no matching subnet for --${flag} ${value}`);
    return pool;
  };
  for (const range of values['ip-range'])
    placeOf('ip-range', range, (pool) => pool.IPRange === undefined).IPRange = range;
  for (const gateway of values.gateway)
    placeOf('gateway', gateway, (pool) => pool.Gateway === undefined).Gateway = gateway;
  for (const [name, address] of Object.entries(pairsOf(values['aux-address']))) {
    const pool = placeOf('aux-address', address, () => true);
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}
