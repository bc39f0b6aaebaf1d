import { mountMain } from '../host/mount-process.ts';
import { resolveUser } from '../runtime/container/user.ts';
import { filesMain } from '../storage/files/process.ts';
import { archiveMain, extractMain } from '../storage/extract-process.ts';
import { removeMain } from '../storage/removal-process.ts';

/** Hidden sub-commands: the engine runs itself again for work that is confined to one folder or one instance. */
export async function internal(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  switch (name) {
    case 'extract':
      return extractMain(rest);
    case 'archive':
      return archiveMain(rest);
    case 'files':
      return filesMain(rest, resolveUser);
    case 'mount':
      return mountMain(rest);
    case 'remove':
      return removeMain(rest);
    default:
      process.stderr.write(`hull internal: no such sub-command: ${name ?? ''}\n`);
      return 125;
  }
}
