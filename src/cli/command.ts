import type { Client } from '../client/client.ts';
import type { Completion, Flags, Values } from './flags/flag.ts';
import { parseFlags } from './flags/parse.ts';
import type { CliIo } from './io.ts';
import { UsageError } from './usage-error.ts';

/** Where an engine of its own keeps its things; absent means the default. */
export interface DaemonOptions {
  readonly data?: string;
  readonly run?: string;
  readonly socket?: string;
  readonly debug: boolean;
  /** `tcp://host:port`, besides the socket. */
  readonly tcp: readonly string[];
  /** Files in PEM: whose clients are let in, and what the daemon shows of itself. */
  readonly tlsCaCert?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowedHosts: readonly string[];
}

/** What the command line cannot do by itself: given by the program's entry. */
export interface CliDeps {
  /** Runs the engine in this process until it is told to end; resolves to the exit status. */
  runDaemon(options: DaemonOptions): Promise<number>;
  /** Makes the database of a data folder again, without a daemon; says what was done and what could not be. */
  rebuild(options: { readonly data?: string }): Promise<{
    readonly done: readonly string[];
    readonly left: readonly string[];
  }>;
  /** The words that start this program again, such as `['/usr/bin/hull']`. */
  selfCommand(): readonly string[];
  readonly version: { readonly version: string; readonly commit: string };
}

/** What a command gets besides its flags. */
export interface CommandContext {
  readonly io: CliIo;
  readonly deps: CliDeps;
  /** The engine; nothing is connected before the first call. */
  readonly client: Client;
  /** Where the engine listens, as a URL. */
  readonly host: string;
}

/** One command, as help and completion see it. */
export interface Command {
  /** After `hull `, such as `run [OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly summary: string;
  /** One or more lines, each a command that works. */
  readonly example: string;
  readonly flags: Flags;
  readonly passThrough: boolean;
  /** What arguments may be; the last entry repeats. */
  readonly completeArgs: readonly Completion[];
  /** Exit status when the engine or the command fails: 125 for `run` and its like, else 1. */
  readonly failureStatus: number;
  /** False for what makes no sense on an engine that was only just started. */
  readonly startsEngine: boolean;
  run(context: CommandContext, argv: readonly string[]): Promise<number>;
}

interface Definition<F extends Flags> {
  readonly usage: string;
  readonly summary: string;
  readonly example: string;
  readonly flags: F;
  /** How many plain arguments. */
  readonly args: { readonly min?: number; readonly max?: number };
  readonly passThrough?: boolean;
  readonly completeArgs?: readonly Completion[];
  readonly failureStatus?: number;
  readonly startsEngine?: boolean;
  run(
    context: CommandContext,
    values: Values<F>,
    args: readonly string[],
    given: ReadonlySet<string>,
  ): Promise<number>;
}

/** Makes a command of its typed definition. */
export function defineCommand<const F extends Flags>(definition: Definition<F>): Command {
  const passThrough = definition.passThrough ?? false;
  return {
    usage: definition.usage,
    summary: definition.summary,
    example: definition.example,
    flags: definition.flags,
    passThrough,
    completeArgs: definition.completeArgs ?? [],
    failureStatus: definition.failureStatus ?? 1,
    startsEngine: definition.startsEngine ?? true,
    run: async (context, argv) => {
      const { values, args, given } = parseFlags(definition.flags, argv, { passThrough });
      checkCount(definition.usage.split(' ', 1)[0] ?? '', args.length, definition.args);
      return definition.run(context, values, args, given);
    },
  };
}

function checkCount(
  name: string,
  count: number,
  { min = 0, max = Number.POSITIVE_INFINITY }: { min?: number; max?: number },
): void {
  if (count >= min && count <= max) return;
  const wanted = min === max ? `exactly ${min}` : count < min ? `at least ${min}` : `at most ${max}`;
  const number = min === max || count < min ? min : max;
  throw new UsageError(
    max === 0
      ? `'${name}' takes no arguments`
      : `'${name}' requires ${wanted} argument${number === 1 ? '' : 's'}, and got ${count}`,
  );
}
