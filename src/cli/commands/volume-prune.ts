import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Remove volumes that no instance mounts: those without a name, or all',
  example: 'hull volume prune --all --filter label=kind=test',
  flags: {
    all: bool('Remove those with a name too', { short: 'a' }),
    filter: list('Only those that match, such as label=kind=test, label!=keep', {
      placeholder: 'NAME=VALUE',
    }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const filters = parseFilters(values.filter);
    if (values.all) filters.set('all', ['true']);
    const { VolumesDeleted, SpaceReclaimed } = await client.volumes.prune({
      filters: filtersParameter(filters),
    });
    if (VolumesDeleted.length > 0) io.out(`Deleted Volumes:\n${VolumesDeleted.join('\n')}\n\n`);
    io.out(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`);
    return 0;
  },
});
