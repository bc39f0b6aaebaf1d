import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'disconnect [OPTIONS] NETWORK INSTANCE',
  summary: 'Take an instance off a network, at once where it runs',
  example: 'hull network disconnect backend postgres',
  flags: { force: bool('Even where the network is gone', { short: 'f' }) },
  args: { min: 2, max: 2 },
  completeArgs: ['networks', 'instances'],
  run: async ({ client }, { force }, [network = '', instance = '']) => {
    await client.networks.disconnect(network, instance, force);
    return 0;
  },
});
