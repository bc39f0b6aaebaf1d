import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Remove unused images: those without a name, or all',
  example: 'hull image prune --all --filter until=24h',
  flags: {
    all: bool('Remove those with a name too, unless an instance uses them', { short: 'a' }),
    filter: list('Only those that match, such as until=24h, label=kind=test', { placeholder: 'NAME=VALUE' }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const filters = parseFilters(values.filter);
    filters.set('dangling', [String(!values.all)]);
    const { ImagesDeleted, SpaceReclaimed } = await client.images.prune({
      filters: filtersParameter(filters),
    });
    if (ImagesDeleted !== null && ImagesDeleted.length > 0) io.out('Deleted Images:\n');
    for (const { Untagged, Deleted } of ImagesDeleted ?? [])
      io.out(Deleted === undefined ? `untagged: ${Untagged}\n` : `deleted: ${Deleted}\n`);
    if (ImagesDeleted !== null && ImagesDeleted.length > 0) io.out('\n');
    io.out(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`);
    return 0;
  },
});
