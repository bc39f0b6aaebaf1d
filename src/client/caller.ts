import { API_VERSION, ERROR_CODE_HEADER } from '../../api/docker.ts';
import { apiErrorOf } from './api-error.ts';
import {
  HttpClient,
  type HttpRequest,
  type HttpResponse,
  isUpgraded,
  type UpgradedStream,
} from './http-client.ts';
import { jsonLines, parseJson } from './json-lines.ts';

/** Query values; absent, false and empty ones are left out, true is sent as 1, a list repeats its name. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export type Body = HttpRequest['body'];

interface CallOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: Body;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Statuses that are answers, not errors (304: it was so already). */
  readonly accept?: readonly number[];
}

/** Calls with errors made into `ApiError`; the resources' clients are built on it. Paths are Docker's, or whole native ones (`/hull/v1/…`). */
export class Caller {
  readonly #http: HttpClient;
  readonly #prefix: string;

  /** `apiVersion` such as `1.41`: the prefix of Docker's paths. */
  constructor(http: HttpClient, apiVersion: string = API_VERSION) {
    this.#http = http;
    this.#prefix = `/v${apiVersion}`;
  }

  async call(method: HttpRequest['method'], path: string, options: CallOptions = {}): Promise<HttpResponse> {
    return this.#check(await this.#http.request(this.#request(method, path, options)), options);
  }

  /** The answer's JSON. */
  async json<T>(method: HttpRequest['method'], path: string, options: CallOptions = {}): Promise<T> {
    return parseJson<T>(await (await this.call(method, path, options)).text());
  }

  /** For answers without a body that matters; resolves to the status. */
  async done(method: HttpRequest['method'], path: string, options: CallOptions = {}): Promise<number> {
    const response = await this.call(method, path, options);
    await response.text();
    return response.status;
  }

  /** One JSON value per line, as they come. */
  async *stream<T>(
    method: HttpRequest['method'],
    path: string,
    options: CallOptions = {},
  ): AsyncGenerator<T, void> {
    yield* jsonLines<T>((await this.call(method, path, options)).body);
  }

  /** The connection itself: attach and exec. */
  async hijack(path: string, options: CallOptions = {}): Promise<UpgradedStream> {
    const answer = await this.#http.upgrade(this.#request('POST', path, options));
    if (isUpgraded(answer)) return answer;
    await this.#check(answer, options);
    throw apiErrorOf(answer.status, 'the engine did not hand over the connection', null);
  }

  #request(method: HttpRequest['method'], path: string, options: CallOptions): HttpRequest {
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    return {
      method,
      path: (path.startsWith('/hull/') ? path : this.#prefix + path) + queryString(options.query ?? {}),
      ...(body === undefined ? {} : { body }),
      ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
      ...(options.headers === undefined ? {} : { headers: options.headers }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
  }

  async #check(response: HttpResponse, options: CallOptions): Promise<HttpResponse> {
    if (response.status < 300 || options.accept?.includes(response.status) === true) return response;
    const code = response.headers.get(ERROR_CODE_HEADER.toLowerCase()) ?? null;
    throw apiErrorOf(response.status, await response.text(), code);
  }
}

/** `?a=1&b=x`, or nothing. */
function queryString(query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false || value === '') continue;
    const values = typeof value === 'object' ? value : [value === true ? '1' : String(value)];
    for (const one of values) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(one)}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** Docker's filters: `{"name": ["a"]}` as JSON, undefined for none. */
export function filtersParameter(filters: ReadonlyMap<string, readonly string[]>): string | undefined {
  return filters.size === 0 ? undefined : JSON.stringify(Object.fromEntries(filters));
}
