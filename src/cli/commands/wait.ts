import { defineCommand } from '../command.ts';
import { exitStatusOf } from '../run/attached.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'wait INSTANCE [INSTANCE...]',
  summary: 'Wait until instances stop, and print their exit statuses',
  example: 'hull wait web',
  flags: {},
  args: { min: 1 },
  completeArgs: ['running'],
  run: ({ io, client }, _values, args) => {
    const statuses = new Map<string, number>();
    const work = async (id: string) => {
      const { exit } = await client.containers.wait(id, 'not-running');
      statuses.set(id, exitStatusOf(await exit));
    };
    return forEach(io, args, work, (id) => String(statuses.get(id)));
  },
});
