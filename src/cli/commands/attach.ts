import { defineCommand } from '../command.ts';
import { bool, maybe, text } from '../flags/flag.ts';
import { exitStatusOf } from '../run/attached.ts';
import { followTerminalSize } from '../stream/resize.ts';
import { enterRawMode, runSession } from '../stream/session.ts';
import { proxySignals } from '../stream/signals.ts';
import { CommandFailure } from '../usage-error.ts';
import { detachKeysOf } from '../values/detach-keys.ts';

export const command = defineCommand({
  usage: 'attach [OPTIONS] INSTANCE',
  summary: 'Join the standard streams of a running instance',
  example: 'hull attach web',
  flags: {
    'detach-keys': text('Keys that leave the workload running', { shownDefault: '"ctrl-p,ctrl-q"' }),
    'no-stdin': bool('Do not attach stdin'),
    'sig-proxy': maybe('Pass received signals on to the workload (default true)'),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['running'],
  run: async ({ io, client }, values, [name = '']) => {
    const { containers } = client;
    const { Id, Config, State } = await containers.inspect(name);
    if (!State.Running)
      throw new CommandFailure(1, `${name} is not running; start it first: hull start ${name}`);
    if (State.Paused) throw new CommandFailure(1, `${name} is paused`);
    const tty = Config.Tty === true;
    const stdin = !values['no-stdin'] && Config.OpenStdin === true;
    if (stdin && tty && !io.isTty('stdin')) throw new CommandFailure(1, 'the input device is not a TTY');
    const ended = new AbortController();
    const detachKeys = detachKeysOf(values['detach-keys']);
    const wait = await containers.wait(Id, 'not-running', ended.signal);
    const stream = await containers.attach(Id, {
      stdin,
      stdout: true,
      stderr: true,
      detachKeys: values['detach-keys'],
    });
    const undo = [
      await enterRawMode(io, { tty, stdin }),
      ...((values['sig-proxy'] ?? true) && !tty
        ? [proxySignals(io, (signal) => containers.kill(Id, signal))]
        : []),
      ...(tty ? [followTerminalSize(io, (rows, columns) => containers.resize(Id, rows, columns))] : []),
    ];
    try {
      const end = await runSession(io, stream, { tty, stdin, stdout: true, stderr: true, detachKeys });
      return end === 'detached' ? 0 : exitStatusOf(await wait.exit);
    } finally {
      for (const one of undo) one();
      ended.abort();
    }
  },
});
