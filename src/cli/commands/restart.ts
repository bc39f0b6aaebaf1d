import { defineCommand } from '../command.ts';
import { parsed, text } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';
import { parseSeconds } from '../values/time.ts';

export const command = defineCommand({
  usage: 'restart [OPTIONS] INSTANCE [INSTANCE...]',
  summary: 'Stop instances and start them again',
  example: 'hull restart -t 5 web',
  flags: {
    signal: text('Signal to send instead of the instance’s own', { short: 's' }),
    timeout: parsed('Seconds to wait before it is killed; -1 waits for ever', parseSeconds, {
      short: 't',
      aliases: ['time'],
      placeholder: 'seconds',
    }),
  },
  args: { min: 1 },
  completeArgs: ['instances'],
  run: ({ io, client }, values, args) => {
    return forEach(io, args, (id) =>
      client.containers.restart(id, { t: values.timeout, signal: values.signal }),
    );
  },
});
