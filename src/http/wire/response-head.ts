import type { ResponseHeaders } from '../responder.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** Status line and headers with the empty line that ends them. Line ends in a value would make it two headers: it throws. */
export function responseHead(status: number, headers: ResponseHeaders, reason?: string): string {
  let text = `HTTP/1.1 ${status} ${reason ?? REASONS[status] ?? 'Status'}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string' && /[^\t\x20-\x7e]/.test(value)) {
      throw new Error(`the header ${name} has a character that HTTP does not allow`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** The `Date` header, made once a second. */
export class HttpDate {
  #second = 0;
  #text = '';

  now(): string {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
