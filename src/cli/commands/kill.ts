import { defineCommand } from '../command.ts';
import { text } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'kill [OPTIONS] INSTANCE [INSTANCE...]',
  summary: 'Send a signal to running instances, SIGKILL unless another is named',
  example: 'hull kill --signal HUP web',
  flags: { signal: text('Signal to send', { short: 's' }) },
  args: { min: 1 },
  completeArgs: ['running'],
  run: ({ io, client }, values, args) => forEach(io, args, (id) => client.containers.kill(id, values.signal)),
});
