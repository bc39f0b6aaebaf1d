import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { text } from '../flags/flag.ts';
import { CommandFailure } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'export [OPTIONS] INSTANCE',
  summary: 'Write an instance’s files as a tar archive',
  example: 'hull export -o web.tar web',
  flags: {
    output: text('Write to this file instead of stdout', {
      short: 'o',
      placeholder: 'FILE',
      complete: 'files',
    }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['instances'],
  run: async ({ io, client }, values, [name = '']) => {
    if (values.output === undefined && io.isTty('stdout'))
      throw new CommandFailure(1, 'cowardly refusing to write an archive to a terminal; use -o or redirect');
    const stream = await client.files.export(name);
    if (values.output === undefined) {
      for await (const chunk of stream) io.out(chunk);
      return 0;
    }
    const path = resolve(io.cwd, values.output);
    const descriptor = openSync(path, 'w', 0o600);
    try {
      for await (const chunk of stream)
        for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(descriptor);
    }
    return 0;
  },
});
