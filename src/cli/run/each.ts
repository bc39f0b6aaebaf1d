import type { CliIo } from '../io.ts';
import { messageOf } from '../../model/errors.ts';

/** Requests at once; each has a connection of its own. */
const AT_ONCE = 16;

/**
 * Does the same to each of several targets, some at once, and goes on after a failure: prints, in the order of the targets, each that worked,
 * and each failure as `hull: …`. Resolves to the exit status: 1 when one failed.
 */
export async function forEach(
  io: CliIo,
  targets: readonly string[],
  work: (target: string) => Promise<void>,
  print: (target: string) => string = (target) => target,
): Promise<number> {
  let status = 0;
  for await (const { target, error } of results(targets, work)) {
    if (error === null) {
      const line = print(target);
      if (line !== '') io.out(`${line}\n`);
    } else {
      if (error instanceof Error && 'exitStatus' in error) throw error;
      io.err(`hull: ${messageOf(error)}\n`);
      status = 1;
    }
  }
  return status;
}

interface Result {
  readonly target: string;
  /** Null when it worked. */
  readonly error: unknown;
}

/** In the order of the targets; at most `AT_ONCE` of them are under way. */
async function* results(
  targets: readonly string[],
  work: (target: string) => Promise<void>,
): AsyncGenerator<Result> {
  const waiting = [...targets];
  const underWay: Promise<Result>[] = [];
  const startNext = (): void => {
    const target = waiting.shift();
    if (target === undefined) return;
    underWay.push(
      work(target).then(
        () => ({ target, error: null }),
        (error: unknown) => ({ target, error }),
      ),
    );
  };
  for (let started = 0; started < AT_ONCE; started++) startNext();
  for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
    const result = await next;
    startNext();
    yield result;
  }
}
