import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';
import { ApiError } from '../../client/api-error.ts';

export const command = defineCommand({
  usage: 'rm [OPTIONS] INSTANCE [INSTANCE...]',
  summary: 'Remove instances',
  example: 'hull rm -f web',
  flags: {
    force: bool('Kill the instance first when it runs; an absent one is no error', { short: 'f' }),
    volumes: bool('Remove its anonymous volumes too', { short: 'v' }),
  },
  args: { min: 1 },
  completeArgs: ['instances'],
  run: ({ io, client }, values, args) => {
    const absent = new Set<string>();
    const remove = async (id: string): Promise<void> => {
      absent.delete(id);
      try {
        await client.containers.remove(id, { force: values.force, v: values.volumes });
      } catch (error) {
        if (!(values.force && error instanceof ApiError && error.status === 404)) throw error;
        io.err(`hull: ${error.message}\n`);
        absent.add(id);
      }
    };
    return forEach(io, args, remove, (id) => (absent.has(id) ? '' : id));
  },
});
