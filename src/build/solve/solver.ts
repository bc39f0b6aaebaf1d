import type { KeyedLock } from '../../lib/keyed-lock.ts';
import type { LayerInfo } from '../../model/image.ts';
import type { LayerClaims, LayerStore } from '../../storage/layer-store.ts';
import type { BuildCache } from '../cache.ts';
import type { BuildNode, StepNode } from '../graph/node.ts';
import type { BuildEvent } from '../types.ts';
import { atOrigin } from './at-origin.ts';
import { withCopy } from './copy-step.ts';
import type { PreparedStep, StepTools } from './executor.ts';
import { stepKey } from './key.ts';
import { prepareRun } from './run-step.ts';
import type { Slots } from '../../lib/slots.ts';
import { prepareWorkdir } from './workdir-step.ts';

/** What a node came to. */
export interface Solved {
  /** Bottom first. */
  readonly layers: readonly LayerInfo[];
  /** The layer that the node itself added; null when it added none. */
  readonly own: LayerInfo | null;
  /** When the node's own layer was made, milliseconds since the epoch; null for sources. */
  readonly createdAt: number | null;
}

export interface SolverDeps {
  readonly layers: Pick<LayerStore, 'find'>;
  readonly cache: BuildCache;
  /** Shared by all builds of the engine: the same step is not done twice at the same time. */
  readonly locks: KeyedLock;
  /** Bounds what runs at once, over all builds. */
  readonly slots: Slots;
  readonly now: () => number;
}

export interface SolverOptions {
  readonly noCache: boolean;
  readonly signal: AbortSignal;
  /** Keeps layers from being removed until the build is over. */
  readonly claims: LayerClaims;
  /** Called when what a node stands on is there and its own turn has come. */
  readonly onBegin: (node: StepNode) => void;
}

/** Works out nodes: each once, from the cache where it can be, with what it depends on first. */
export class Solver {
  readonly #deps: SolverDeps;
  readonly #tools: StepTools;
  readonly #options: SolverOptions;
  readonly #solved = new Map<BuildNode, Promise<Solved>>();

  constructor(deps: SolverDeps, tools: StepTools, options: SolverOptions) {
    this.#deps = deps;
    this.#tools = tools;
    this.#options = options;
  }

  solve(node: BuildNode): Promise<Solved> {
    const known = this.#solved.get(node);
    if (known !== undefined) return known;
    const solving = this.#work(node);
    this.#solved.set(node, solving);
    return solving;
  }

  async #work(node: BuildNode): Promise<Solved> {
    switch (node.kind) {
      case 'scratch':
      case 'context':
        return { layers: [], own: null, createdAt: null };
      case 'image':
        return { layers: node.image.layers, own: null, createdAt: null };
      case 'run':
      case 'copy':
      case 'workdir':
        return this.#step(node);
    }
  }

  async #step(node: StepNode): Promise<Solved> {
    const parent = await this.solve(node.parent);
    const from = node.kind === 'copy' ? await this.solve(node.from) : parent;
    const { signal, onBegin } = this.#options;
    onBegin(node);
    return this.#deps.slots.run(async () => {
      signal.throwIfAborted();
      const finish = (step: PreparedStep): Promise<Solved> => this.#finish(node, parent.layers, step);
      if (node.kind === 'run') return finish(prepareRun(node, this.#tools));
      if (node.kind === 'workdir') return finish(prepareWorkdir(node, this.#tools));
      return withCopy(node, from.layers, this.#tools, signal, finish);
    });
  }

  async #finish(node: StepNode, parent: readonly LayerInfo[], step: PreparedStep): Promise<Solved> {
    const key = stepKey(parent, node.kind, step.facts);
    return this.#deps.locks.run(key, async () => {
      const kept = this.#options.noCache ? null : this.#kept(key, parent);
      if (kept !== null) {
        const { step: number } = node.origin;
        this.#emit({ type: 'cached', step: number });
        const { diffId = null, unpackedSize = 0 } = kept.own ?? {};
        this.#emit({ type: 'layer', digest: diffId, size: unpackedSize, step: number });
        return kept;
      }
      this.#options.signal.throwIfAborted();
      // A disk that becomes full while the layer is kept is the step's doing, too.
      const { layer } = await atOrigin(node.origin, () =>
        this.#tools.storage.withWritableLayers(
          parent,
          ({ path }) => step.execute(path, this.#options.signal),
          this.#options.claims,
        ),
      );
      const createdAt = this.#deps.now();
      this.#deps.cache.save(key, { diffId: layer?.diffId ?? null, createdAt });
      this.#emit({
        type: 'layer',
        digest: layer?.diffId ?? null,
        size: layer?.unpackedSize ?? 0,
        step: node.origin.step,
      });
      return added(parent, layer, createdAt);
    });
  }

  /** The cached result, if its layer is still there. */
  #kept(key: ReturnType<typeof stepKey>, parent: readonly LayerInfo[]): Solved | null {
    const record = this.#deps.cache.find(key);
    if (record === null) return null;
    const layer = record.diffId === null ? null : this.#deps.layers.find(record.diffId);
    if (layer === null && record.diffId !== null) return null;
    // A stage may wait long for another one, and the layer may be that of an image alone that somebody removes meanwhile.
    if (layer !== null) this.#options.claims.claim(layer.diffId);
    return added(parent, layer, record.createdAt);
  }

  #emit(event: BuildEvent): void {
    this.#tools.emit(event);
  }
}

function added(parent: readonly LayerInfo[], own: LayerInfo | null, createdAt: number): Solved {
  return { layers: own === null ? parent : [...parent, own], own, createdAt };
}
