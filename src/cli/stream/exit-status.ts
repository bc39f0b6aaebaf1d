import { ApiError } from '../../client/api-error.ts';
import { messageOf } from '../../model/errors.ts';
import { CommandFailure } from '../usage-error.ts';

/** What a shell says of a command that cannot be run: 127 not found, 126 not executable; else 125, the engine's own failure. */
function startFailureStatus(error: unknown): 125 | 126 | 127 {
  // Engines without codes leave the message alone to go by, as docker's command line does.
  if (error instanceof ApiError && error.code !== null && error.code !== 'start-failed') return 125;
  const message = messageOf(error);
  if (/executable file (?:.* )?not found|no such file or directory/i.test(message)) return 127;
  if (/permission denied|exec format error|is a directory/i.test(message)) return 126;
  return 125;
}

/** The failure to end with: a shell's status where the command cannot be run, else the error as it is. */
export function startFailure(error: unknown): unknown {
  const status = startFailureStatus(error);
  return status === 125 ? error : new CommandFailure(status, messageOf(error));
}
