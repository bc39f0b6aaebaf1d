import { HullError } from '../../model/errors.ts';

/** The status that a shell gives for a program that it did not find or could not execute; Docker's too. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** Characters that are looked at: names of files in it are the workload's, and no path is longer than 4096. */
const LONGEST = 16_384;

/**
 * What an OCI runtime said when it refused to run a process, in Docker's words, with the exit status that Docker's client ends with.
 * crun, runc and runsc each say it differently.
 */
export function explainRefusal(message: string, args: readonly string[]): { exitCode: number; text: string } {
  const name = JSON.stringify(args[0] ?? '');
  if (args[0] === '') return { exitCode: NOT_FOUND, text: `exec: "": executable file not found in $PATH` };
  const said = message
    .slice(0, LONGEST)
    .replaceAll(/^(\d{4}-\S+ )?(crun: |error: )?/gm, '')
    .trim();
  if (
    /executable file .*not found|stat .*: no such file|failed to (find|load) .*(no such file|not found)|error finding executable/is.test(
      said,
    )
  ) {
    const why =
      args[0]?.includes('/') === true ? 'no such file or directory' : 'executable file not found in $PATH';
    return { exitCode: NOT_FOUND, text: `exec: ${name}: ${why}` };
  }
  if (
    /(open executable|cannot find executable|exec|failed to load).*(permission denied|operation not permitted|is a directory)/is.test(
      said,
    )
  ) {
    return { exitCode: NOT_EXECUTABLE, text: `exec: ${name}: permission denied` };
  }
  // crun's words for what runc says as Docker's users know it.
  const [, folder, why = ''] = /^chdir `(.*)`: (.*)$/s.exec(said) ?? [];
  if (folder !== undefined) {
    const text = `chdir to cwd (${JSON.stringify(folder)}) set in config.json failed: ${why.toLowerCase()}`;
    return { exitCode: NOT_EXECUTABLE, text };
  }
  return { exitCode: NOT_EXECUTABLE, text: said };
}

/** An older gVisor's words for: no terminal for an exec. */
const NO_EXEC_TERMINAL = /flag provided but not defined: -tty/;

/** Could the runtime not do it at all, rather than not run this program? */
export function unsupported(message: string): HullError | null {
  if (!NO_EXEC_TERMINAL.test(message)) return null;
  return new HullError(
    'not-supported',
    'this release of gVisor cannot give an exec a terminal; leave out -t, or install a newer runsc',
  );
}

/** The refusal as the engine's error: `details.exitCode` is what `docker run` would end with. */
export function startFailed(message: string, args: readonly string[]): HullError {
  const { exitCode, text } = explainRefusal(message, args);
  return new HullError('start-failed', `failed to create the instance's process: ${text}`, {
    details: { exitCode },
  });
}
