import type { NetworkResource } from '../../../api/docker.ts';
import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';
import { printListing, type Row } from '../format/listing.ts';
import { localTime } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

const TITLES = {
  CreatedAt: 'CREATED AT',
  Driver: 'DRIVER',
  ID: 'NETWORK ID',
  IPv4: 'IPV4',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  Name: 'NAME',
  Scope: 'SCOPE',
  Subnets: 'SUBNETS',
} as const;

export const command = defineCommand({
  usage: 'ls [OPTIONS]',
  summary: 'List networks',
  example: 'hull network ls --filter type=custom',
  flags: {
    filter: list('Show only those that match, such as name=web, driver=bridge, type=custom, label=a=b', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    'no-trunc': bool('Do not shorten anything'),
    quiet: bool('Only ids', { short: 'q' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const networks = await client.networks.list(filtersParameter(parseFilters(values.filter)));
    printListing(io, {
      columns: ['ID', 'Name', 'Driver', 'Scope', 'Subnets'],
      titles: TITLES,
      rows: [...networks]
        .sort((a, b) => (a.Name < b.Name ? -1 : 1))
        .map((network) => rowOf(network, !values['no-trunc'])),
      format: values.format,
      only: values.quiet ? 'ID' : undefined,
    });
    return 0;
  },
});

function rowOf(network: NetworkResource, truncate: boolean): Row {
  return {
    get CreatedAt() {
      return localTime(Date.parse(network.Created));
    },
    Driver: network.Driver,
    ID: truncate ? network.Id.slice(0, 12) : network.Id,
    IPv4: String(network.EnableIPv4),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Labels: Object.entries(network.Labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    Name: network.Name,
    Scope: network.Scope,
    Subnets: (network.IPAM.Config ?? []).map(({ Subnet }) => Subnet).join(', '),
  };
}
