import { nearest } from '../lib/nearest.ts';
import { COMMANDS, GROUPS, type Group, groupSummaries, own } from './registry.ts';

/** What `hull --help` prints. */
export function generalHelp(): string {
  return [
    'Usage:  hull [OPTIONS] COMMAND',
    'One image, run as a container or as a virtual machine.',
    'Example:\n  hull run --rm -it --isolation vm debian:bookworm-slim bash',
    `Commands:\n${rows(Object.entries(COMMANDS).map(([name, entry]) => [name, entry.summary]))}`,
    `Groups:\n${rows(Object.entries(GROUPS).map(([name, group]) => [name, group.summary]))}`,
    `Options:\n${rows([
      [
        '-H, --host URL',
        'Engine to talk to (unix:///path or tcp://host:port; default $HULL_HOST or unix:///run/hull/hull.sock)',
      ],
      ['-h, --help', 'Print help'],
      ['-v, --version', 'Print the version'],
    ])}`,
    "Run 'hull COMMAND --help' for more on a command.",
  ]
    .join('\n\n')
    .concat('\n');
}

/** What `hull GROUP --help` prints. */
export function groupHelp(name: string, group: Group): string {
  return `Usage:  hull ${name} COMMAND\n\n${group.summary}\n\nCommands:\n${rows(groupSummaries(group))}\n\nRun 'hull ${name} COMMAND --help' for more on a command.\n`;
}

/** What is printed for a command that there is not. */
export function unknownCommand([name = '', sub = '']: readonly string[]): string {
  const group = own(GROUPS, name);
  const [prefix, word, known] =
    group === undefined
      ? ['hull', name, [...Object.keys(COMMANDS), ...Object.keys(GROUPS)]]
      : [`hull ${name}`, sub, Object.keys(group.commands)];
  const close = nearest(word, known);
  const hint = close === null ? '' : ` Did you mean '${prefix} ${close}'?`;
  return `hull: '${group === undefined ? name : `${name} ${sub}`}' is not a hull command.${hint}\nSee '${prefix} --help'.\n`;
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 3;
  return pairs.map(([name, summary]) => `  ${name.padEnd(width)}${summary}`).join('\n');
}
