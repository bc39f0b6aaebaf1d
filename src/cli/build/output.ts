import type { BuildMessage } from '../../../api/docker.ts';
import type { CliIo } from '../io.ts';
import { CommandFailure } from '../usage-error.ts';

/** Prints a build's messages as they come; resolves to the image's id. Throws `CommandFailure` with the step's exit status when the build failed. */
export async function printBuild(
  io: CliIo,
  messages: AsyncIterable<BuildMessage>,
  quiet: boolean,
): Promise<string> {
  let id = '';
  let held = '';
  for await (const message of messages) {
    if (message.error !== undefined || message.errorDetail !== undefined) {
      if (quiet) io.err(held);
      const text = message.errorDetail?.message ?? message.error ?? 'the build failed';
      throw new CommandFailure(message.errorDetail?.code ?? 1, text);
    }
    if (message.aux?.ID !== undefined) id = message.aux.ID;
    const text = message.stream ?? (message.status === undefined ? '' : `${message.status}\n`);
    if (quiet) held = (held + text).slice(-64 * 1024);
    else io.out(text);
  }
  if (id === '') id = /(?:^|\n)(?:Successfully built )?((?:sha256:)?[0-9a-f]{12,64})\n/.exec(held)?.[1] ?? '';
  return id;
}
