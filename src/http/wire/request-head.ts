import { ProtocolError } from './protocol-error.ts';

/** Names in lower case. What comes several times is joined with `, ` (RFC 9110, section 5.3); cookies are not spoken here. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** How the end of a request's body is known. */
export type BodyLength = number | 'chunked';

export interface RequestHead {
  readonly method: string;
  /** As it was sent, without scheme and authority where it had them: begins with `/`, or is `*`. */
  readonly target: string;
  /** HTTP/1.`minor`. */
  readonly minor: 0 | 1;
  readonly headers: RequestHeaders;
  readonly body: BodyLength;
  /** The client wants to use the connection again. */
  readonly keepAlive: boolean;
  /** `Connection: Upgrade`: the protocol that it names. */
  readonly upgrade: string | null;
  /** Waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
}

/** Bytes of request line and headers, as Go's server has it: queries of builds carry all of their arguments. */
export const MAX_HEAD = 1024 * 1024;
const MAX_HEADERS = 256;

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*)$/;
/** Controls but the tab, and line ends that are not CR LF. */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;

/**
 * Parses request line and headers, given without the empty line that ends them, one byte per character. Strict where leniency lets two
 * readers disagree about where a request ends (RFC 9112): no folded lines, no space before a colon, one length. Throws `ProtocolError`.
 */
export function parseHead(text: string): RequestHead {
  if (FORBIDDEN.test(text))
    throw new ProtocolError(400, 'the request has characters that HTTP does not allow');
  const [first = '', ...lines] = text.split('\r\n');
  const line = REQUEST_LINE.exec(first);
  if (line === null) throw new ProtocolError(400, 'the request line is malformed');
  const [, method = '', target = '', major, minor] = line;
  if (major !== '1') throw new ProtocolError(505, 'only HTTP/1.1 and HTTP/1.0 are spoken here');
  const headers = parseHeaders(lines);
  const modern = minor !== '0';
  if (modern && headers['host'] === undefined) throw new ProtocolError(400, 'missing required Host header');
  const connection = tokens(headers['connection']);
  return {
    method,
    ...originForm(target, headers),
    minor: modern ? 1 : 0,
    body: bodyLength(headers, modern),
    keepAlive: modern ? !connection.includes('close') : connection.includes('keep-alive'),
    upgrade: connection.includes('upgrade') ? (headers['upgrade'] ?? null) : null,
    expectsContinue: modern && expectation(headers['expect']),
  };
}

function parseHeaders(lines: readonly string[]): Record<string, string | undefined> {
  if (lines.length > MAX_HEADERS)
    throw new ProtocolError(431, `the request has more than ${MAX_HEADERS} headers`);
  const headers = Object.create(null) as Record<string, string | undefined>;
  for (const line of lines) {
    const match = HEADER.exec(line);
    if (match === null) throw new ProtocolError(400, 'a header line is malformed');
    const name = (match[1] ?? '').toLowerCase();
    const value = trimEnd(match[2] ?? '');
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (name === 'host' || name === 'transfer-encoding')
      throw new ProtocolError(400, `there are two ${name} headers`);
    else if (name !== 'content-length') headers[name] = `${before}, ${value}`;
    else if (value !== before) throw new ProtocolError(400, 'the request has two lengths');
  }
  return headers;
}

/** Not by a regular expression: it would look at each space of a long run again and again. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end -= 1;
  return text.slice(0, end);
}

/** What was sent to a proxy names the server in its target, which then counts instead of `Host` (RFC 9112, section 3.2.2). */
function originForm(
  target: string,
  headers: Record<string, string | undefined>,
): Pick<RequestHead, 'target' | 'headers'> {
  if (target.startsWith('/') || target === '*') return { target, headers };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
  if (absolute === null) throw new ProtocolError(400, 'the request line names no path');
  const [, authority = '', rest = ''] = absolute;
  headers['host'] = authority;
  return { target: rest.startsWith('/') ? rest : `/${rest}`, headers };
}

function bodyLength(headers: RequestHeaders, modern: boolean): BodyLength {
  const encoding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (encoding !== undefined) {
    if (length !== undefined)
      throw new ProtocolError(400, 'the request has a length and a transfer encoding');
    if (!modern) throw new ProtocolError(400, 'HTTP/1.0 has no transfer encodings');
    if (encoding.toLowerCase() !== 'chunked')
      throw new ProtocolError(501, 'the only transfer encoding is chunked');
    return 'chunked';
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) throw new ProtocolError(400, 'the content length is no number');
  return Number(length);
}

function expectation(expect: string | undefined): boolean {
  if (expect === undefined) return false;
  if (expect.toLowerCase() !== '100-continue')
    throw new ProtocolError(417, 'the only expectation is 100-continue');
  return true;
}

function tokens(list: string | undefined): readonly string[] {
  if (list === undefined) return [];
  return list.split(',').map((token) => token.trim().toLowerCase());
}
