import type { Host } from '../../host/host.ts';
import type { IgnoreMatcher } from '../../lib/dockerignore.ts';
import type { LayerInfo } from '../../model/image.ts';
import type { RootStorage } from '../../storage/storage.ts';
import type { Trees } from '../../storage/trees.ts';
import type { ReadAttributes } from '../copy/source-tree.ts';
import type { StepRunner } from '../step-runner.ts';
import type { BuildEvent, StepSettings } from '../types.ts';

/** What carrying out steps needs, for one build. */
export interface StepTools {
  readonly host: Host;
  readonly storage: Pick<RootStorage, 'withReadOnlyLayers' | 'withWritableLayers'>;
  readonly trees: Pick<Trees, 'extract'>;
  readonly readAttributes: ReadAttributes;
  readonly runner: Pick<StepRunner, 'run'>;
  /** The unpacked context, and what `.dockerignore` leaves out of it. */
  readonly context: { readonly root: string; readonly ignored: IgnoreMatcher };
  readonly settings: StepSettings;
  readonly emit: (event: BuildEvent) => void;
}

/** A step that knows its key and can be done: valid only inside `prepare`'s callback, while its sources are mounted. */
export interface PreparedStep {
  /** All that decides the result beside the parent: see `stepKey`. */
  readonly facts: unknown;
  /** Does it in the mounted, writable root of the stage. */
  execute(root: string, signal: AbortSignal): Promise<void>;
}

/** The layers of the nodes that a step reads beside its parent. */
export type SourceLayers = readonly LayerInfo[];
