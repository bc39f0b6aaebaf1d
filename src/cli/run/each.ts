import type { CliIo } from '../io.ts';
import { messageOf } from '../../model/errors.ts';

/**
 * Does the same to each of several targets, in order, and goes on after a failure: prints each target that worked, and each
 * failure as `hull: …`. Resolves to the exit status: 1 when one failed.
 */
export async function forEach(
  io: CliIo,
  targets: readonly string[],
  work: (target: string) => Promise<void>,
  print: (target: string) => string = (target) => target,
): Promise<number> {
  let status = 0;
  for (const target of targets) {
    try {
      await work(target);
      const line = print(target);
      if (line !== '') io.out(`${line}\n`);
    } catch (error) {
      if (error instanceof Error && 'exitStatus' in error) throw error;
      io.err(`hull: ${messageOf(error)}\n`);
      status = 1;
    }
  }
  return status;
}
