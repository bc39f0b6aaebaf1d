import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list, parsed } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';
import { parseBytes } from '../values/size.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Delete what only the build cache keeps: layers that no image uses',
  example: 'hull builder prune --all --filter until=24h',
  flags: {
    all: bool('Forget every build step too: the next build does them all again', { short: 'a' }),
    filter: list('Only steps that match, such as until=24h', { placeholder: 'NAME=VALUE' }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
    'keep-storage': parsed('Keep the newest steps, up to so many bytes', parseBytes, {
      placeholder: 'bytes',
    }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const { CachesDeleted, SpaceReclaimed } = await client.images.pruneBuildCache({
      all: values.all,
      filters: filtersParameter(parseFilters(values.filter)),
      'keep-storage': values['keep-storage'],
    });
    for (const digest of CachesDeleted) io.out(`Deleted: ${digest}\n`);
    io.out(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`);
    return 0;
  },
});
