import { defineCommand } from '../command.ts';
import { bool, maybe, text } from '../flags/flag.ts';
import { startAttached } from '../run/attached.ts';
import { forEach } from '../run/each.ts';
import { CommandFailure, UsageError } from '../usage-error.ts';
import { detachKeysOf } from '../values/detach-keys.ts';

export const command = defineCommand({
  usage: 'start [OPTIONS] INSTANCE [INSTANCE...]',
  summary: 'Start stopped instances',
  example: 'hull start -a web',
  flags: {
    attach: bool('Attach the workload’s output and pass signals on', { short: 'a' }),
    'detach-keys': text('Keys that leave the workload running', { shownDefault: '"ctrl-p,ctrl-q"' }),
    interactive: bool('Attach stdin too', { short: 'i' }),
    'sig-proxy': maybe('Pass received signals on to the workload (default true)'),
  },
  args: { min: 1 },
  completeArgs: ['instances'],
  run: async (context, values, args) => {
    const { io, client } = context;
    if (!values.attach && !values.interactive)
      return forEach(io, args, async (id) => void (await client.containers.start(id)));
    const [id = '', ...others] = args;
    if (others.length > 0) throw new UsageError('only one instance can be attached at a time');
    const { Id, Config, HostConfig, State } = await client.containers.inspect(id);
    if (State.Running) throw new CommandFailure(1, `${id} is running already; use \`hull attach ${id}\``);
    const tty = Config.Tty === true;
    const stdin = values.interactive && Config.OpenStdin === true;
    if (stdin && tty && !io.isTty('stdin')) throw new CommandFailure(1, 'the input device is not a TTY');
    return startAttached(context, {
      id: Id,
      tty,
      stdin,
      stdout: true,
      stderr: true,
      autoRemove: HostConfig.AutoRemove,
      signalProxy: values['sig-proxy'] ?? true,
      detachKeys: detachKeysOf(values['detach-keys']),
      detachKeysText: values['detach-keys'],
    });
  },
});
