import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';

/** A command that is measured against others. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Milliseconds of each round, by contender. */
export type Series = ReadonlyMap<string, readonly number[]>;

const WARM_UP_ROUNDS = 3;
/** Time for what a contender does after its command has ended, so that the next one does not pay for it. */
const PAUSE = 60;

/**
 * Runs every contender once per round, in an order that shifts by one each round, so that nobody always comes after the same neighbour.
 * Throws when a command fails: a fast failure is no result.
 */
export async function alternate(contenders: readonly Contender[], rounds: number): Promise<Series> {
  const series = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(turn + round + WARM_UP_ROUNDS) % contenders.length];
      if (contender === undefined) continue;
      const milliseconds = time(contender);
      if (round >= 0) series.get(contender.name)?.push(milliseconds);
      await setTimeout(PAUSE);
    }
  }
  return series;
}

function time({ name, command, env }: Contender): number {
  const [program = '', ...args] = command;
  const began = performance.now();
  const run = spawnSync(program, args, {
    env: env ?? process.env,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const milliseconds = performance.now() - began;
  if (run.status !== 0)
    throw new Error(`${name}: "${command.join(' ')}" ended with status ${run.status}: ${run.stderr.trim()}`);
  return milliseconds;
}
