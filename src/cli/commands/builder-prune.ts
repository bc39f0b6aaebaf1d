import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Delete what only the build cache keeps: layers that no image uses',
  example: 'hull builder prune --all',
  flags: {
    all: bool('Forget every build step too: the next build does them all again', { short: 'a' }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const { CachesDeleted, SpaceReclaimed } = await client.images.pruneBuildCache({ all: values.all });
    for (const digest of CachesDeleted) io.out(`Deleted: ${digest}\n`);
    io.out(`Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`);
    return 0;
  },
});
