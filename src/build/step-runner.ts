import type { OutputChunk } from '../runtime/runtime.ts';
import type { Leftover } from '../model/leftover.ts';
import type { StepSettings } from './types.ts';

/** A command to run in a build: everything resolved. */
export interface RunStep {
  /** The stage's root, mounted and writable. */
  readonly root: string;
  readonly args: readonly string[];
  /** `NAME=value`, complete. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** As USER has it; empty means root. */
  readonly user: string;
  readonly settings: StepSettings;
  /** Told of the container that the step is, before it runs. */
  readonly onBegin?: (id: string) => void;
}

/** Runs the commands of RUN instructions. What ran leaves nothing behind but what it wrote below `root`. */
export interface StepRunner {
  /** Resolves with the exit status (0-255, 128+n for signal n) after all output was given to `onOutput`. Rejects when aborted: the step is then killed and gone. */
  run(step: RunStep, onOutput: (chunk: OutputChunk) => void, signal: AbortSignal): Promise<number>;
  /** Does the id (or its beginning, 12 digits at least) belong to a step that runs now? Such steps are in nobody's records. */
  owns(id: string): boolean;
  /** Files of steps that a killed daemon left. What else it left of them, runtime and network find. */
  inventory(): readonly Leftover[];
}
