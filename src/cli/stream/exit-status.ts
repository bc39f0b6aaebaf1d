import { messageOf } from '../../model/errors.ts';

/** What a shell says of a command that cannot be run: 127 not found, 126 not executable; else 125, the engine's own failure. */
export function startFailureStatus(error: unknown): 125 | 126 | 127 {
  const message = messageOf(error);
  if (
    /executable file (?:.* )?not found|executable file `?.*`? not found|no such file or directory|cannot find/i.test(
      message,
    )
  )
    return 127;
  if (/permission denied|exec format error|is a directory/i.test(message)) return 126;
  return 125;
}
