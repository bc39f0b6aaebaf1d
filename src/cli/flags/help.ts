import type { Command } from '../command.ts';
import type { Flag } from './flag.ts';

/** What `hull COMMAND --help` prints. `name` is the command as typed, without `hull`. */
export function commandHelp(name: string, command: Command): string {
  const usage = command.usage.replace(/^\S+/, name);
  const example = command.example
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  const flags = flagLines(command);
  return [
    `Usage:  hull ${usage}`,
    command.summary,
    `Example:\n${example}`,
    ...(flags.length === 0 ? [] : [`Options:\n${flags.join('\n')}`]),
  ]
    .join('\n\n')
    .concat('\n');
}

function flagLines(command: Command): string[] {
  const rows = Object.entries(command.flags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({ left: leftColumn(name, flag), right: rightColumn(flag) }));
  const width = Math.max(0, ...rows.map((row) => row.left.length)) + 3;
  return rows.map((row) => `  ${row.left.padEnd(width)}${row.right}`);
}

function leftColumn(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return flag.boolean ? `${short}--${name}` : `${short}--${name} ${flag.placeholder ?? 'value'}`;
}

function rightColumn(flag: Flag<unknown>): string {
  return flag.shownDefault === undefined ? flag.summary : `${flag.summary} (default ${flag.shownDefault})`;
}
