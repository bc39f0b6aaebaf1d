import { defineCommand } from '../command.ts';
import { list, text } from '../flags/flag.ts';
import { readStream } from '../images/files.ts';
import { hasTag } from '../images/pull.ts';
import { printTransfer } from '../images/transfer-printer.ts';

export const command = defineCommand({
  usage: 'import [OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]',
  summary: 'Make an image of a root filesystem’s tar archive',
  example: `hull import -c 'CMD ["bash"]' rootfs.tar.zst mine:1`,
  flags: {
    change: list('Apply a blueprint instruction', { short: 'c', placeholder: 'INSTRUCTION' }),
    message: text('What it is', { short: 'm' }),
    platform: text('What it is made for, such as linux/arm64'),
  },
  args: { min: 1, max: 2 },
  completeArgs: ['files', 'images'],
  run: async ({ io, client }, { change, message, platform }, [source = '', reference]) => {
    const colon = reference?.lastIndexOf(':') ?? -1;
    const tagged = reference !== undefined && hasTag(reference);
    const query = {
      repo: tagged ? reference.slice(0, colon) : reference,
      tag: tagged ? reference.slice(colon + 1) : undefined,
      message,
      platform,
      changes: change,
    };
    const from = source === '-' ? io.input() : /^https?:\/\//.test(source) ? source : readStream(io, source);
    await printTransfer(io, client.images.import(from, query));
    return 0;
  },
});
