import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';
import { UsageError } from '../usage-error.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'prune [OPTIONS]',
  summary: 'Remove stopped instances, unused networks, unused images, and the build cache',
  example: 'hull system prune --all --volumes',
  flags: {
    all: bool('Remove images with a name too, unless an instance uses them', { short: 'a' }),
    filter: list('Only those that match, such as until=24h, label=kind=test', { placeholder: 'NAME=VALUE' }),
    force: bool('For scripts written for docker: hull asks nothing', { short: 'f' }),
    volumes: bool('Remove volumes without a name, too'),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const given = parseFilters(values.filter);
    if (values.volumes && given.has('until'))
      throw new UsageError('the filter "until" cannot be used with --volumes: volumes have no such time');
    const filters = filtersParameter(given);
    const images = filtersParameter(new Map([...given, ['dangling', [String(!values.all)]]]));
    const tell = (title: string, names: readonly string[]): void => {
      if (names.length > 0) io.out(`${title}:\n${names.join('\n')}\n\n`);
    };
    const containers = await client.system.prune('containers', { filters });
    tell('Deleted Containers', containers.ContainersDeleted ?? []);
    tell('Deleted Networks', (await client.system.prune('networks', { filters })).NetworksDeleted ?? []);
    const volumes = values.volumes ? await client.volumes.prune({ filters }) : null;
    tell('Deleted Volumes', volumes?.VolumesDeleted ?? []);
    const pruned = await client.images.prune({ filters: images });
    const lines = (pruned.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Deleted === undefined ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
    );
    tell('Deleted Images', lines);
    const cache = await client.images.pruneBuildCache({ all: values.all, filters });
    tell('Deleted build cache objects', cache.CachesDeleted);
    const bytes = [containers, volumes, pruned, cache].map((part) => part?.SpaceReclaimed ?? 0);
    io.out(`Total reclaimed space: ${humanSize(bytes.reduce((sum, one) => sum + one, 0))}\n`);
    return 0;
  },
});
