import type { Client } from '../../client/client.ts';
import type { Command } from '../command.ts';
import type { Completion, Flag } from '../flags/flag.ts';
import { COMMANDS, findCommand, GROUPS, own } from '../registry.ts';

/** Tells the shell to offer file names. */
export const FILES = ':files\n';

const NAME_TIMEOUT = 2000;

/**
 * What may stand in place of the last of `words` (what follows `hull` on the line): one candidate a line, only those that begin
 * with it; or `FILES`. The engine is asked for names only where names are wanted, and never waited for long.
 */
export async function completeWords(words: readonly string[], client: () => Client): Promise<string> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const found = findCommand(before);
  if (found === null) return matching(commandNames(before), current);
  const { command } = await found.entry.load();
  const wanted = wantedAt(command, found.rest, current);
  if (wanted.completion === 'files') return FILES;
  const names =
    typeof wanted.completion === 'string' ? await namesOf(wanted.completion, client) : wanted.completion;
  return matching(
    names.map((name) => wanted.prefix + name),
    current,
  );
}

function commandNames(before: readonly string[]): readonly string[] {
  if (before.length === 0) return [...Object.keys(COMMANDS), ...Object.keys(GROUPS)];
  const group = before.length === 1 ? own(GROUPS, before[0] ?? '') : undefined;
  return group === undefined ? [] : Object.keys(group.commands);
}

interface Wanted {
  readonly completion: Completion;
  /** Stands before each name: `--flag=`. */
  readonly prefix: string;
}

/** A flag, a flag's value, or an argument. */
function wantedAt(command: Command, before: readonly string[], current: string): Wanted {
  const { args, valueOf, ended } = read(command, before);
  if (valueOf !== null) return { completion: valueOf.complete ?? [], prefix: '' };
  const equals = /^(--[^=]+)=/.exec(current);
  if (!ended && equals !== null) {
    const flag = own(command.flags, (equals[1] ?? '').slice(2));
    return { completion: flag?.complete ?? [], prefix: equals[0] };
  }
  if (!ended && current.startsWith('-')) {
    return {
      completion: [...Object.keys(command.flags).map((name) => `--${name}`), '--help'].toSorted(),
      prefix: '',
    };
  }
  const { completeArgs } = command;
  return { completion: completeArgs[Math.min(args, completeArgs.length - 1)] ?? [], prefix: '' };
}

/** How many plain arguments stand before, whether flags are over, and the flag whose value comes next. */
function read(
  command: Command,
  before: readonly string[],
): { args: number; valueOf: Flag<unknown> | null; ended: boolean } {
  let args = 0;
  for (let at = 0; at < before.length; at += 1) {
    const word = before[at] ?? '';
    if (word === '--' || (command.passThrough && !word.startsWith('-'))) {
      return { args: args + before.length - at - (word === '--' ? 1 : 0), valueOf: null, ended: true };
    }
    const flag = flagTaking(command, word);
    if (flag !== null) {
      at += 1;
      if (at === before.length) return { args, valueOf: flag, ended: false };
    } else if (!word.startsWith('-')) args += 1;
  }
  return { args, valueOf: null, ended: false };
}

/** The flag of this word, when its value is the next word. */
function flagTaking(command: Command, word: string): Flag<unknown> | null {
  if (word.startsWith('--')) {
    const flag = own(command.flags, word.slice(2));
    return flag === undefined || flag.boolean ? null : flag;
  }
  if (!/^-[a-zA-Z]+$/.test(word)) return null;
  const last = word.at(-1);
  const flag = Object.values(command.flags).find((one) => one.short === last);
  return flag === undefined || flag.boolean ? null : flag;
}

async function namesOf(
  kind: 'instances' | 'running' | 'images' | 'machines' | 'volumes' | 'networks' | 'files',
  client: () => Client,
): Promise<readonly string[]> {
  const names = async (): Promise<readonly string[]> => {
    const { containers, images, native, networks, volumes } = client();
    if (kind === 'images')
      return (await images.list()).flatMap((image) =>
        (image.RepoTags ?? []).filter((tag) => !tag.startsWith('<none>')),
      );
    if (kind === 'networks') return (await networks.list(undefined)).map(({ Name }) => Name);
    if (kind === 'machines') return (await native.machines()).map((machine) => machine.name);
    if (kind === 'volumes') return (await volumes.list()).map((volume) => volume.Name);
    return (await containers.list({ all: kind === 'instances' })).flatMap((one) =>
      one.Names.map((name) => name.replace(/^\//, '')),
    );
  };
  const late = new Promise<readonly string[]>(
    (resolve) => void setTimeout(() => resolve([]), NAME_TIMEOUT).unref(),
  );
  return Promise.race([names().catch(() => []), late]);
}

function matching(candidates: readonly string[], current: string): string {
  return candidates
    .filter((candidate) => candidate.startsWith(current))
    .map((candidate) => `${candidate}\n`)
    .join('');
}
