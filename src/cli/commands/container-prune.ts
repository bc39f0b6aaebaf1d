import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Remove all stopped instances',
  example: 'hull container prune --filter until=24h',
  flags: {
    filter: list('Only those: until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]', {
      placeholder: 'filter',
    }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const { ContainersDeleted, SpaceReclaimed } = await client.containers.prune(
      filtersParameter(parseFilters(values.filter)),
    );
    for (const id of ContainersDeleted ?? []) io.out(`${id}\n`);
    io.out(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`);
    return 0;
  },
});
