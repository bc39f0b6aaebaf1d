import { ApiError } from '../../client/api-error.ts';
import { messageOf } from '../../model/errors.ts';
import { CommandFailure } from '../usage-error.ts';

const SIGKILL = 9;
/** The engine's words for a start that somebody ended. */
const ENDED = /^instance \S+ was (?:killed|ended by signal (\d{1,2})) while it was being started$/;

/**
 * What a shell says of a command that cannot be run: 127 not found, 126 not executable; of one that a signal ended before it ran, 128 plus its number;
 * else 125, the engine's own failure.
 */
function startFailureStatus(error: unknown): number {
  // Engines without codes leave the message alone to go by, as docker's command line does.
  if (error instanceof ApiError && error.code !== null && error.code !== 'start-failed') return 125;
  const message = messageOf(error);
  const ended = ENDED.exec(message);
  if (ended !== null) return 128 + Number(ended[1] ?? SIGKILL);
  if (/executable file (?:.* )?not found|no such file or directory/i.test(message)) return 127;
  if (/permission denied|exec format error|is a directory/i.test(message)) return 126;
  return 125;
}

/** The failure to end with: a shell's status where the command cannot be run or was ended before it ran, else the error as it is. */
export function startFailure(error: unknown): unknown {
  const status = startFailureStatus(error);
  return status === 125 ? error : new CommandFailure(status, messageOf(error));
}
