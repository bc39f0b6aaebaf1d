import type { Command } from './command.ts';
import { commandHelp } from './flags/help.ts';
import { generalHelp } from './general-help.ts';
import { COMMANDS, GROUPS, type Entry } from './registry.ts';

/** The page docs/cli.md: what each command's `--help` prints. A test keeps the page and the commands the same. */
export async function commandReference(): Promise<string> {
  const sections: string[] = [];
  for (const { name, command } of await allCommands())
    sections.push(`## hull ${name}\n\n\`\`\`text\n${commandHelp(name, command)}\`\`\`\n`);
  return [
    '# The command line\n',
    'This page is written by `scripts/cli-doc.ts` from the commands themselves; each command prints its part with `--help`.\n',
    `\`\`\`text\n${generalHelp()}\`\`\`\n`,
    ...sections,
  ].join('\n');
}

/** Every command with a file of its own, under the name that it is found by. */
export async function allCommands(): Promise<{ name: string; command: Command }[]> {
  const entries: [string, Entry][] = Object.entries(COMMANDS);
  for (const [group, { commands }] of Object.entries(GROUPS)) {
    for (const [name, entry] of Object.entries(commands))
      if ('load' in entry) entries.push([`${group} ${name}`, entry]);
  }
  return Promise.all(entries.map(async ([name, entry]) => ({ name, command: (await entry.load()).command })));
}
