import { HullError } from '../../model/errors.ts';
import type { Origin } from '../graph/node.ts';
import { detailsOf, locate } from '../parser/source.ts';
import { positionOf } from '../parser/tree.ts';

/** Runs a step's work; an error of it says which line of the blueprint it is about. */
export async function atOrigin<T>({ instruction, step }: Origin, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HullError) || 'line' in error.details) throw error;
    const at = positionOf(instruction);
    const details = { ...detailsOf(instruction.source, at), ...error.details, step };
    // What cannot be started is the blueprint's fault, not the engine's.
    const code = error.code === 'start-failed' ? 'build-failed' : error.code;
    throw new HullError(code, locate(instruction.source, at, error.message), { cause: error, details });
  }
}
