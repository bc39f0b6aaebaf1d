import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'daemon [OPTIONS]',
  summary: 'Run the engine in the foreground',
  example: 'hull daemon --data /srv/hull --run /run/hull2 --socket /run/hull2/hull.sock',
  flags: {
    data: text('Folder of durable state', {
      placeholder: 'DIR',
      shownDefault: '/var/lib/hull',
      complete: 'files',
    }),
    debug: bool('Log more'),
    run: text('Folder of volatile state', {
      placeholder: 'DIR',
      shownDefault: '/run/hull',
      complete: 'files',
    }),
    socket: text('Where to listen', {
      placeholder: 'PATH',
      shownDefault: 'RUN/hull.sock',
      complete: 'files',
    }),
  },
  args: { max: 0 },
  run: ({ deps }, values) => {
    const { data, run, socket, debug } = values;
    return deps.runDaemon({
      debug,
      ...(data === undefined ? {} : { data }),
      ...(run === undefined ? {} : { run }),
      ...(socket === undefined ? {} : { socket }),
    });
  },
});
