import { archiveMain, extractMain } from '../storage/extract-process.ts';

/** Hidden sub-commands: the engine runs itself again for work that is confined to one folder. */
export async function internal(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  switch (name) {
    case 'extract':
      return extractMain(rest);
    case 'archive':
      return archiveMain(rest);
    default:
      process.stderr.write(`hull internal: no such sub-command: ${name ?? ''}\n`);
      return 125;
  }
}
