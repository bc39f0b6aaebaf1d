import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'shutdown [OPTIONS]',
  summary: 'End the engine; instances go on running unless --stop is given',
  example: 'hull shutdown --stop',
  flags: { stop: bool('Stop all instances and take the network down first') },
  args: { max: 0 },
  startsEngine: false,
  run: async ({ client }, values) => {
    await client.native.shutdown(values.stop ? 'stop' : 'keep');
    return 0;
  },
});
