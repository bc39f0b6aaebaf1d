import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Remove networks that no running instance is on',
  example: 'hull network prune --filter until=24h',
  flags: {
    filter: list('Remove only those that match: label=a=b, label!=a, until=24h', {
      placeholder: 'NAME=VALUE',
    }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const { NetworksDeleted } = await client.networks.prune(filtersParameter(parseFilters(values.filter)));
    if (NetworksDeleted !== null && NetworksDeleted.length > 0)
      io.out(`Deleted Networks:\n${NetworksDeleted.join('\n')}\n`);
    return 0;
  },
});
