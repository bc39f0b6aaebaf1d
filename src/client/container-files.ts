import type { IdResponse } from '../../api/docker.ts';
import type { ContainerPathStat, FilesystemChange } from '../../api/docker-files.ts';
import { ApiError } from './api-error.ts';
import type { Caller } from './caller.ts';

export interface CommitOptions {
  readonly repo?: string | undefined;
  readonly tag?: string | undefined;
  readonly comment?: string | undefined;
  readonly author?: string | undefined;
  readonly changes: readonly string[];
  readonly pause: boolean;
}

/** Files of instances by the Docker Engine API. Every method rejects with `ApiError` when the engine refuses. */
export class ContainerFiles {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Null where nothing is, and where the engine refuses: HEAD has no body that would say why. `get` and `put` do. */
  async stat(id: string, path: string): Promise<ContainerPathStat | null> {
    try {
      const response = await this.#caller.call('HEAD', `${at(id)}/archive`, { query: { path } });
      await response.text();
      return statOf(response.headers);
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  /** A tar stream. */
  async get(id: string, path: string): Promise<{ stat: ContainerPathStat; body: AsyncIterable<Uint8Array> }> {
    const response = await this.#caller.call('GET', `${at(id)}/archive`, { query: { path } });
    return { stat: statOf(response.headers), body: response.body };
  }

  async put(
    id: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: { copyUIDGID?: boolean } = {},
  ): Promise<void> {
    await this.#caller.done('PUT', `${at(id)}/archive`, {
      query: { path, noOverwriteDirNonDir: 'true', ...options },
      body: archive,
      contentType: 'application/x-tar',
    });
  }

  async changes(id: string): Promise<readonly FilesystemChange[]> {
    return (await this.#caller.json<readonly FilesystemChange[] | null>('GET', `${at(id)}/changes`)) ?? [];
  }

  /** A tar stream. */
  async export(id: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#caller.call('GET', `${at(id)}/export`)).body;
  }

  commit(id: string, { pause, ...options }: CommitOptions): Promise<IdResponse> {
    const query = { container: id, ...options, pause: pause ? '1' : '0' };
    return this.#caller.json('POST', '/commit', { query, json: null });
  }
}

function statOf(headers: ReadonlyMap<string, string>): ContainerPathStat {
  const header = headers.get('x-docker-container-path-stat') ?? '';
  return JSON.parse(Buffer.from(header, 'base64').toString()) as ContainerPathStat;
}

function at(id: string): string {
  return `/containers/${encodeURIComponent(id)}`;
}
