import type {
  AuthResponse,
  BuildMessage,
  BuildPruneResponse,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagePruneResponse,
  ImageSummary,
  SearchRow,
  TransferMessage,
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

  history(reference: string): Promise<ImageHistoryItem[]> {
    return this.#caller.json('GET', `/images/${reference}/history`);
  }

  prune(query: { filters?: string | undefined }): Promise<ImagePruneResponse> {
    return this.#caller.json('POST', '/images/prune', { query });
  }

  search(query: {
    term: string;
    limit?: number | undefined;
    filters?: string | undefined;
  }): Promise<SearchRow[]> {
    return this.#caller.json('GET', '/images/search', { query });
  }

  /** Rejects with status 401 when the registry does not take the credentials. */
  login(credentials: { username: string; password: string; serveraddress: string }): Promise<AuthResponse> {
    return this.#caller.json('POST', '/auth', { json: credentials });
  }

  /** What goes wrong after the beginning comes as a message with `error`, not as a rejection. `auth`: `X-Registry-Auth`. */
  pull(
    query: { fromImage: string; tag: string | undefined; platform?: string | undefined },
    auth: string | undefined,
    signal?: AbortSignal,
  ): AsyncGenerator<TransferMessage, void> {
    return this.#transfer('/images/create', query, auth, signal);
  }

  /** `tag` undefined: every tag of the repository. */
  push(
    repository: string,
    tag: string | undefined,
    auth: string | undefined,
    signal?: AbortSignal,
  ): AsyncGenerator<TransferMessage, void> {
    return this.#transfer(`/images/${repository}/push`, { tag }, auth, signal);
  }

  /** A root filesystem's tar stream, or a web address. */
  import(
    source: string | AsyncIterable<Uint8Array>,
    query: {
      repo?: string | undefined;
      tag?: string | undefined;
      message?: string | undefined;
      platform?: string | undefined;
      changes: readonly string[];
    },
  ): AsyncGenerator<TransferMessage, void> {
    const fromSrc = typeof source === 'string' ? source : '-';
    return this.#caller.stream('POST', '/images/create', {
      query: { fromSrc, ...query },
      ...(typeof source === 'string' ? {} : { body: source, contentType: 'application/x-tar' }),
    });
  }

  load(archive: AsyncIterable<Uint8Array>, query: { quiet: boolean }): AsyncGenerator<TransferMessage, void> {
    return this.#caller.stream('POST', '/images/load', {
      query,
      body: archive,
      contentType: 'application/x-tar',
    });
  }

  async save(names: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#caller.call('GET', '/images/get', { query: { names } })).body;
  }

  #transfer(
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    auth: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TransferMessage, void> {
    return this.#caller.stream('POST', path, {
      query,
      ...(auth === undefined ? {} : { headers: { 'X-Registry-Auth': auth } }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  pruneBuildCache(query: {
    all: boolean;
    filters?: string | undefined;
    'keep-storage'?: number | undefined;
  }): Promise<BuildPruneResponse> {
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
