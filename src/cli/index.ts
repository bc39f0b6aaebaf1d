import type { Client } from '../client/client.ts';
import type { CliDeps, CommandContext } from './command.ts';
import { openClient } from './engine-access.ts';
import { report } from './failure.ts';
import { BrokenPipe, type CliIo } from './io.ts';
import { findCommand, GROUPS, own } from './registry.ts';
import { HelpRequest, UsageError } from './usage-error.ts';

export type { CliDeps, DaemonOptions } from './command.ts';
export { type CliIo, createIo } from './io.ts';

/** Exit status of a command line that is not understood, as docker's. */
const USAGE_STATUS = 125;

/**
 * Runs one command line (`argv` without the program) and resolves to its exit status. Does not end the process: the caller
 * does, at once, for connections may still be open.
 */
export async function main(argv: readonly string[], io: CliIo, deps: CliDeps): Promise<number> {
  try {
    const { host, words, wants } = globalOptions(argv);
    if (wants === 'version')
      return print(io, `Twinhull version ${deps.version.version}, build ${deps.version.commit}\n`);
    if (words[0] === '__complete') return await complete(io, deps, host, words.slice(1));
    const found = findCommand(words);
    if (found === null) return await generalAnswer(io, words, wants === 'help');
    const { command } = await found.entry.load();
    const help = async (): Promise<number> => {
      const { commandHelp } = await import('./flags/help.ts');
      return print(io, commandHelp(found.name, command));
    };
    if (wants === 'help' || helpAsked(found.rest, command.passThrough)) return await help();
    const context = makeContext(io, deps, host, command.startsEngine);
    try {
      return await command.run(context, found.rest);
    } catch (error) {
      if (error instanceof HelpRequest) return await help();
      return report(io, error, found.name, command.failureStatus);
    }
  } catch (error) {
    if (error instanceof BrokenPipe) return 0;
    return report(io, error, '', 1);
  }
}

interface GlobalOptions {
  readonly host: string | undefined;
  readonly words: readonly string[];
  readonly wants: 'help' | 'version' | null;
}

/** The flags before the command. */
function globalOptions(argv: readonly string[]): GlobalOptions {
  let host: string | undefined;
  let at = 0;
  for (; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '-h' || word === '--help' || word === 'help')
      return { host, words: argv.slice(at + 1), wants: 'help' };
    if (word === '-v' || word === '--version') return { host, words: [], wants: 'version' };
    if (word === '-H' || word === '--host') host = argv[(at += 1)] ?? '';
    else if (word.startsWith('--host=')) host = word.slice('--host='.length);
    else if (/^-H./.test(word)) host = word.slice(2);
    else if (word.startsWith('-')) throw new UsageError(`unknown flag: ${word}`);
    else break;
  }
  return { host, words: argv.slice(at), wants: null };
}

/** `--help` among the flags; after the image of `run` it is the workload's. */
function helpAsked(rest: readonly string[], passThrough: boolean): boolean {
  const [first] = rest;
  if (first === '--help' || first === '-help') return true;
  const ends = rest.indexOf('--');
  const own = ends < 0 ? rest : rest.slice(0, ends);
  if (!passThrough) return own.includes('--help');
  const plain = own.findIndex((word) => !word.startsWith('-'));
  return own.slice(0, plain < 0 ? own.length : plain).includes('--help');
}

function makeContext(
  io: CliIo,
  deps: CliDeps,
  givenHost: string | undefined,
  startEngine: boolean,
): CommandContext {
  const host = givenHost ?? io.env['HULL_HOST'];
  let client: Client | null = null;
  return {
    io,
    deps,
    host: host ?? 'unix:///run/hull/hull.sock',
    get client() {
      client ??= openClient(deps, {
        host,
        apiVersion: io.env['HULL_API_VERSION'],
        startEngine,
        env: io.env,
      });
      return client;
    },
  };
}

async function generalAnswer(io: CliIo, words: readonly string[], help: boolean): Promise<number> {
  const { generalHelp, groupHelp, unknownCommand } = await import('./general-help.ts');
  const [name = '', sub] = words;
  const group = own(GROUPS, name);
  if (group !== undefined && (sub === undefined || sub === '--help' || help))
    return print(io, groupHelp(name, group));
  if (words.length === 0) return print(io, generalHelp());
  io.err(unknownCommand(words));
  return group === undefined ? 1 : USAGE_STATUS;
}

async function complete(
  io: CliIo,
  deps: CliDeps,
  host: string | undefined,
  words: readonly string[],
): Promise<number> {
  const { completeWords } = await import('./completion/complete.ts');
  return print(io, await completeWords(words, () => makeContext(io, deps, host, false).client));
}

function print(io: CliIo, text: string): number {
  io.out(text);
  return 0;
}
