import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which the client goes away; what came until then is the answer. An answer without end is one. */
  readonly patience?: number;
}

/** One request on a connection of its own. `body`: bytes or text as they are, anything else as JSON. */
export async function request(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  { headers = {}, patience = 30_000 }: RequestOptions = {},
): Promise<RawAnswer> {
  const data =
    body === undefined || typeof body === 'string' || body instanceof Uint8Array
      ? body
      : JSON.stringify(body);
  const type =
    data === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) };
  const asked = httpRequest({ socketPath, method, path, headers: { ...type, ...headers }, agent: false });
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const timer = setTimeout(() => asked.destroy(new Error(`${method} ${path}: no answer`)), patience);
  asked.on('error', reject);
  asked.on('upgrade', (response, socket) => {
    socket.destroy();
    resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '' });
  });
  asked.on('response', (response) => {
    let text = '';
    const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    response.setEncoding('utf8');
    response.on('data', (part: string) => (text += part));
    response.on('end', done);
    response.on('error', done);
    response.on('close', done);
  });
  if (data !== undefined) asked.write(data);
  asked.end();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    asked.destroy();
  }
}
