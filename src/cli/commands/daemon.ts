import { isHullError } from '../../model/errors.ts';
import { FOLDERS_TAKEN } from '../../model/daemon-status.ts';
import { type DaemonOptions, defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';
import { CommandFailure } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'daemon [OPTIONS]',
  summary: 'Run the engine in the foreground',
  example: 'hull daemon --data /srv/hull --run /run/hull2 --socket /run/hull2/hull.sock',
  flags: {
    'allowed-host': list('Name by which clients on TCP may ask for this engine, besides the address', {
      placeholder: 'NAME',
    }),
    data: text('Folder of durable state', {
      placeholder: 'DIR',
      shownDefault: '/var/lib/hull',
      complete: 'files',
    }),
    debug: bool('Log more'),
    host: list('Listen here too, for clients with a certificate: tcp://ADDRESS:PORT', {
      placeholder: 'URL',
    }),
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
    tlscacert: text('Certificate of the authority that signs those of clients on TCP', {
      placeholder: 'FILE',
      complete: 'files',
    }),
    tlscert: text('Certificate of this engine on TCP', { placeholder: 'FILE', complete: 'files' }),
    tlskey: text('Key of that certificate', { placeholder: 'FILE', complete: 'files' }),
  },
  args: { max: 0 },
  run: async ({ deps }, values) => {
    const { data, run, socket, debug, tlscacert, tlscert, tlskey } = values;
    const options: DaemonOptions = {
      debug,
      tcp: values.host,
      allowedHosts: values['allowed-host'],
      ...(tlscacert === undefined ? {} : { tlsCaCert: tlscacert }),
      ...(tlscert === undefined ? {} : { tlsCert: tlscert }),
      ...(tlskey === undefined ? {} : { tlsKey: tlskey }),
      ...(data === undefined ? {} : { data }),
      ...(run === undefined ? {} : { run }),
      ...(socket === undefined ? {} : { socket }),
    };
    try {
      return await deps.runDaemon(options);
    } catch (error) {
      // Whoever started it for a command of theirs turns to the other one.
      if (isHullError(error, 'wrong-state') && 'taken' in error.details)
        throw new CommandFailure(FOLDERS_TAKEN, error.message);
      throw error;
    }
  },
});
