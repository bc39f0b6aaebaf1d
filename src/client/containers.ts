import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainerTopResponse,
  ContainerWaitResponse,
  ExecCreateRequest,
  ExecInspect,
  ExecStartRequest,
  IdResponse,
} from '../../api/docker.ts';
import type { Caller } from './caller.ts';
import type { HttpResponse, UpgradedStream } from './http-client.ts';
import { parseJson } from './json-lines.ts';

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly logs?: boolean;
  readonly detachKeys?: string | undefined;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  readonly tail?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

/** Answer of POST /containers/prune. */
export interface ContainersPruned {
  readonly ContainersDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

/** `/containers` and `/exec` of the Docker Engine API. Every method rejects with `ApiError` when the engine refuses. */
export class Containers {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  create(request: ContainerCreateRequest, name?: string): Promise<ContainerCreateResponse> {
    return this.#caller.json('POST', '/containers/create', { json: request, query: { name } });
  }

  /** False when it ran already. `onTiming` gets the header Server-Timing. */
  async start(id: string, onTiming?: (header: string) => void): Promise<boolean> {
    const answer = await this.#caller.call('POST', `${at(id)}/start`, { accept: [304] });
    onTiming?.(answer.headers.get('server-timing') ?? '');
    await answer.text();
    return answer.status !== 304;
  }

  async stop(
    id: string,
    options: { t?: number | undefined; signal?: string | undefined } = {},
  ): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/stop`, { query: options, accept: [304] });
  }

  async restart(
    id: string,
    options: { t?: number | undefined; signal?: string | undefined } = {},
  ): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/restart`, { query: options });
  }

  async kill(id: string, signal?: string): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/kill`, { query: { signal } });
  }

  async pause(id: string): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/pause`);
  }

  async unpause(id: string): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/unpause`);
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/rename`, { query: { name } });
  }

  /** `filters`: JSON. */
  prune(filters?: string): Promise<ContainersPruned> {
    return this.#caller.json('POST', '/containers/prune', { query: { filters } });
  }

  async remove(id: string, options: { force?: boolean; v?: boolean } = {}): Promise<void> {
    await this.#caller.done('DELETE', at(id), { query: { ...options } });
  }

  list(
    query: { all?: boolean; limit?: number | undefined; size?: boolean; filters?: string | undefined } = {},
  ): Promise<ContainerSummary[]> {
    return this.#caller.json('GET', '/containers/json', { query });
  }

  inspect(id: string, size = false): Promise<ContainerInspect> {
    return this.#caller.json('GET', `${at(id)}/json`, { query: { size } });
  }

  /**
   * The outer promise resolves when the engine has registered the wait (its head has come), the inner one when the wait is over.
   * So a start sent after the outer one cannot be missed.
   */
  async wait(
    id: string,
    condition: 'not-running' | 'next-exit' | 'removed',
    signal?: AbortSignal,
  ): Promise<{ exit: Promise<ContainerWaitResponse> }> {
    const options = { query: { condition }, ...(signal === undefined ? {} : { signal }) };
    const response = await this.#caller.call('POST', `${at(id)}/wait`, options);
    const exit = response.text().then((text) => parseJson<ContainerWaitResponse>(text));
    // Whoever waits sees the failure; nobody else has to.
    exit.catch(() => undefined);
    return { exit };
  }

  attach(id: string, options: AttachOptions): Promise<UpgradedStream> {
    return this.#caller.hijack(`${at(id)}/attach`, { query: { stream: true, ...options } });
  }

  async resize(id: string, rows: number, columns: number): Promise<void> {
    await this.#caller.done('POST', `${at(id)}/resize`, { query: { h: rows, w: columns } });
  }

  logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<HttpResponse> {
    const query = { stdout: true, stderr: true, ...options };
    return this.#caller.call('GET', `${at(id)}/logs`, { query, ...(signal === undefined ? {} : { signal }) });
  }

  top(id: string, psArguments: string): Promise<ContainerTopResponse> {
    return this.#caller.json('GET', `${at(id)}/top`, { query: { ps_args: psArguments } });
  }

  /** One sample; the engine takes two so that the first has a rate. */
  stats(id: string): Promise<ContainerStats> {
    return this.#caller.json('GET', `${at(id)}/stats?stream=0`);
  }

  statsStream(id: string, signal: AbortSignal): AsyncGenerator<ContainerStats, void> {
    return this.#caller.stream('GET', `${at(id)}/stats`, { query: { stream: true }, signal });
  }

  createExec(id: string, request: ExecCreateRequest): Promise<IdResponse> {
    return this.#caller.json('POST', `${at(id)}/exec`, { json: request });
  }

  startExec(execId: string, request: ExecStartRequest): Promise<UpgradedStream> {
    return this.#caller.hijack(`/exec/${encodeURIComponent(execId)}/start`, { json: request });
  }

  async startDetachedExec(execId: string, request: ExecStartRequest): Promise<void> {
    await this.#caller.done('POST', `/exec/${encodeURIComponent(execId)}/start`, { json: request });
  }

  inspectExec(execId: string): Promise<ExecInspect> {
    return this.#caller.json('GET', `/exec/${encodeURIComponent(execId)}/json`);
  }

  async resizeExec(execId: string, rows: number, columns: number): Promise<void> {
    await this.#caller.done('POST', `/exec/${encodeURIComponent(execId)}/resize`, {
      query: { h: rows, w: columns },
    });
  }
}

function at(id: string): string {
  return `/containers/${encodeURIComponent(id)}`;
}
