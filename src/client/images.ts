import type {
  BuildMessage,
  BuildPruneResponse,
  ImageDeleteItem,
  ImageInspect,
  ImageSummary,
} from '../../api/docker.ts';
import type { Caller } from './caller.ts';

export interface BuildOptions {
  readonly tags: readonly string[];
  readonly dockerfile?: string | undefined;
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly quiet: boolean;
  readonly memory?: number | undefined;
}

/** `/images` and `/build` of the Docker Engine API. */
export class Images {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(
    query: { all?: boolean; digests?: boolean; filters?: string | undefined } = {},
  ): Promise<ImageSummary[]> {
    return this.#caller.json('GET', '/images/json', { query });
  }

  inspect(reference: string): Promise<ImageInspect> {
    return this.#caller.json('GET', `/images/${reference}/json`);
  }

  remove(reference: string, options: { force: boolean; noprune: boolean }): Promise<ImageDeleteItem[]> {
    return this.#caller.json('DELETE', `/images/${reference}`, { query: options });
  }

  async tag(reference: string, repo: string, tag: string): Promise<void> {
    await this.#caller.done('POST', `/images/${reference}/tag`, { query: { repo, tag } });
  }

  pruneBuildCache(query: { all: boolean }): Promise<BuildPruneResponse> {
    return this.#caller.json('POST', '/build/prune', { query });
  }

  /** `context` is a tar stream. A failed step comes as a message with `error`, not as a rejection. */
  build(
    context: AsyncIterable<Uint8Array>,
    options: BuildOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<BuildMessage, void> {
    const query = {
      t: options.tags,
      dockerfile: options.dockerfile,
      target: options.target,
      buildargs: jsonOf(options.buildArgs),
      labels: jsonOf(options.labels),
      nocache: options.noCache,
      q: options.quiet,
      memory: options.memory,
      rm: true,
      version: 1,
    };
    return this.#caller.stream('POST', '/build', {
      query,
      body: context,
      contentType: 'application/x-tar',
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function jsonOf(values: Readonly<Record<string, string | null>>): string | undefined {
  return Object.keys(values).length === 0 ? undefined : JSON.stringify(values);
}
