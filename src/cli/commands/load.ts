import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { readStream } from '../images/files.ts';
import { printTransfer } from '../images/transfer-printer.ts';
import { CommandFailure } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'load [OPTIONS]',
  summary: 'Take images from a tar archive: docker’s or an OCI layout, plain or compressed',
  example: 'hull load -i images.tar',
  flags: {
    input: text('Read this file instead of stdin', { short: 'i', placeholder: 'FILE', complete: 'files' }),
    quiet: bool('Print only the images’ names', { short: 'q' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, { input, quiet }) => {
    if (input === undefined && io.isTty('stdin'))
      throw new CommandFailure(1, 'requested load from stdin, but stdin is empty');
    const archive = input === undefined ? io.input() : readStream(io, input);
    await printTransfer(io, client.images.load(archive, { quiet: quiet || !io.isTty('stdout') }));
    return 0;
  },
});
