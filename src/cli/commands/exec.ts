import type { ExecCreateRequest } from '../../../api/docker.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { bool, list, text, type Values } from '../flags/flag.ts';
import { startFailure } from '../stream/exit-status.ts';
import { followTerminalSize } from '../stream/resize.ts';
import { enterRawMode, runSession } from '../stream/session.ts';
import { CommandFailure } from '../usage-error.ts';
import { detachKeysOf } from '../values/detach-keys.ts';
import { environment } from '../values/environment.ts';

const FLAGS = {
  detach: bool('Run in the background', { short: 'd' }),
  'detach-keys': text('Keys that leave the process running', { shownDefault: '"ctrl-p,ctrl-q"' }),
  env: list('Set environment variables', { short: 'e', placeholder: 'NAME[=VALUE]' }),
  'env-file': list('Read environment variables from a file', { complete: 'files' }),
  interactive: bool('Keep stdin open', { short: 'i' }),
  privileged: bool('Give extended privileges'),
  tty: bool('Give the process a terminal', { short: 't' }),
  user: text('User name or id [:group]', { short: 'u' }),
  workdir: text('Working directory inside the instance', { short: 'w' }),
} as const;

export const command = defineCommand({
  usage: 'exec [OPTIONS] INSTANCE COMMAND [ARG...]',
  summary: 'Run a command in a running instance',
  example: 'hull exec -it web sh',
  flags: FLAGS,
  args: { min: 2 },
  passThrough: true,
  completeArgs: ['running', 'files'],
  failureStatus: 1,
  run: async (context, values, [name = '', ...args]) => {
    const { io, client } = context;
    const stdin = values.interactive && !values.detach;
    if (stdin && values.tty && !io.isTty('stdin'))
      throw new CommandFailure(1, 'the input device is not a TTY');
    const { Id } = await client.containers.createExec(name, execRequest(context, values, args, stdin));
    const size = values.tty ? io.terminalSize() : null;
    const start = {
      Detach: values.detach,
      Tty: values.tty,
      ...(size === null ? {} : { ConsoleSize: [size.rows, size.columns] as const }),
    };
    if (values.detach) {
      await client.containers.startDetachedExec(Id, start);
      return 0;
    }
    return attached(context, Id, values, start, stdin);
  },
});

async function attached(
  { io, client }: CommandContext,
  id: string,
  values: Values<typeof FLAGS>,
  start: { Detach: boolean; Tty: boolean },
  stdin: boolean,
): Promise<number> {
  const detachKeys = detachKeysOf(values['detach-keys']);
  const stream = await client.containers.startExec(id, start).catch((error: unknown) => {
    throw startFailure(error);
  });
  const stopResize = values.tty
    ? followTerminalSize(io, (rows, columns) => client.containers.resizeExec(id, rows, columns))
    : () => undefined;
  const restore = await enterRawMode(io, { tty: values.tty, stdin });
  try {
    const end = await runSession(io, stream, {
      tty: values.tty,
      stdin,
      stdout: true,
      stderr: true,
      detachKeys,
    });
    if (end === 'detached') return 0;
    return (await client.containers.inspectExec(id)).ExitCode ?? 0;
  } finally {
    restore();
    stopResize();
  }
}

function execRequest(
  { io }: CommandContext,
  values: Values<typeof FLAGS>,
  args: readonly string[],
  stdin: boolean,
): ExecCreateRequest {
  const env = environment(io, values['env-file'], values.env);
  return {
    AttachStdin: stdin,
    AttachStdout: !values.detach,
    AttachStderr: !values.detach,
    Tty: values.tty,
    Privileged: values.privileged,
    Cmd: args,
    ...(env.length === 0 ? {} : { Env: env }),
    ...(values.user === undefined ? {} : { User: values.user }),
    ...(values.workdir === undefined ? {} : { WorkingDir: values.workdir }),
    ...(values['detach-keys'] === undefined ? {} : { DetachKeys: values['detach-keys'] }),
  };
}
