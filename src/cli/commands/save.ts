import { defineCommand } from '../command.ts';
import { text } from '../flags/flag.ts';
import { writeStream } from '../images/files.ts';
import { CommandFailure } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'save [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Write images as a tar archive that docker and every tool for OCI layouts reads',
  example: 'hull save -o images.tar freeradius busybox',
  flags: {
    output: text('Write to this file instead of stdout', {
      short: 'o',
      placeholder: 'FILE',
      complete: 'files',
    }),
  },
  args: { min: 1 },
  completeArgs: ['images'],
  run: async ({ io, client }, { output }, names) => {
    if (output === undefined && io.isTty('stdout'))
      throw new CommandFailure(1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
    await writeStream(io, await client.images.save(names), output);
    return 0;
  },
});
