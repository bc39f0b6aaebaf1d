import { defineCommand } from '../command.ts';
import { parsed, text } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';
import { parseSeconds } from '../values/time.ts';

export const command = defineCommand({
  usage: 'stop [OPTIONS] INSTANCE [INSTANCE...]',
  summary: 'Stop running instances: the stop signal, then SIGKILL after the timeout',
  example: 'hull stop -t 5 web db',
  flags: {
    signal: text('Signal to send instead of the instance’s own', { short: 's' }),
    timeout: parsed('Seconds to wait before it is killed; -1 waits for ever', parseSeconds, {
      short: 't',
      aliases: ['time'],
      placeholder: 'seconds',
    }),
  },
  args: { min: 1 },
  completeArgs: ['running'],
  run: ({ io, client }, values, args) => {
    return forEach(io, args, (id) =>
      client.containers.stop(id, { t: values.timeout, signal: values.signal }),
    );
  },
});
