import { copy } from '../copy/copy.ts';
import { readOperand } from '../copy/operand.ts';
import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { humanSize } from '../format/units.ts';

export const command = defineCommand({
  usage: 'cp [OPTIONS] SOURCE DESTINATION',
  summary: 'Copy files between an instance and this machine, or between two instances',
  example: 'hull cp web:/etc/nginx .\nhull cp index.html web:/srv/\ntar c site | hull cp - web:/srv',
  flags: {
    archive: bool('Keep the owners of the files', { short: 'a' }),
    'follow-link': bool('Follow a link that SOURCE is', { short: 'L' }),
    quiet: bool('Say nothing about how much was copied', { short: 'q' }),
  },
  args: { min: 2, max: 2 },
  completeArgs: ['instances', 'files'],
  run: async (context, values, [source = '', destination = '']) => {
    const options = { archive: values.archive, follow: values['follow-link'] };
    const bytes = await copy(context, readOperand(source), readOperand(destination), options);
    if (!values.quiet && destination !== '-' && context.io.isTty('stderr'))
      context.io.err(`Successfully copied ${humanSize(bytes)} to ${destination}\n`);
    return 0;
  },
});
