import { endWithParent } from '../host/process-end.ts';
import { TreeRemover } from '../host/tree-removal.ts';
import { messageOf } from '../model/errors.ts';

/**
 * `hull internal remove FOLDER [PATH...]`: deletes everything in FOLDER, and what is at the PATHs. Why something stays is said on standard error, a line each, the first few. Returns
 * the exit status.
 */
export function removeMain(argv: readonly string[]): number {
  try {
    endWithParent();
    const remover = new TreeRemover();
    const [folder = '', ...paths] = argv;
    const done = [remover.empty(folder), ...paths.map((path) => remover.remove(path))];
    if (!done.includes(false)) return 0;
    process.stderr.write(`${remover.failures.map(messageOf).join('\n')}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
  }
  return 1;
}
