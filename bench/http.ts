import { connect, type Socket } from 'node:net';

/** The answer to one request. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * One request on a connection of its own, read to the connection's end: the same for every engine, and for answers that take the connection over
 * (exec, attach). `body` is sent as JSON. Throws on a status of 400 and above.
 */
export async function request(socket: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = [
    `${method} /v1.41${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  const connection = connect(socket);
  connection.write(`${head.join('\r\n')}\r\n\r\n${text}`);
  const answer = parse(await readAll(connection));
  if (answer.status >= 400) throw new Error(`${method} ${path}: status ${answer.status}: ${answer.body}`);
  return answer;
}

async function readAll(connection: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of connection) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function parse(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, end).toString();
  const rest = bytes.subarray(end + 4).toString();
  const chunked = /^transfer-encoding: *chunked/im.test(head);
  return { status: Number(head.split(' ')[1]), body: chunked ? joinChunks(rest) : rest };
}

function joinChunks(text: string): string {
  let joined = '';
  for (let at = 0; at < text.length;) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) break;
    joined += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return joined;
}
