import { ApiError } from '../../client/api-error.ts';
import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'rm [OPTIONS] NETWORK [NETWORK...]',
  summary: 'Remove networks',
  example: 'hull network rm backend',
  flags: { force: bool('Do not mind networks that do not exist', { short: 'f' }) },
  args: { min: 1 },
  completeArgs: ['networks'],
  run: ({ io, client }, { force }, args) =>
    forEach(io, args, (name) =>
      client.networks.remove(name).catch((error: unknown) => {
        if (!(force && error instanceof ApiError && error.status === 404)) throw error;
      }),
    ),
});
