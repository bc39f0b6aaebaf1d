import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { HeadBuffer } from './head-buffer.ts';
import { ProtocolError } from './protocol-error.ts';
import { MAX_HEAD, parseHead } from './request-head.ts';

const statusOf = (act: () => unknown): number => {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) return error.status;
    throw error;
  }
  return 200;
};

describe('a head is refused', () => {
  test.each([
    ['GET / HTTP/1.1', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: a', 400],
    ['GET  / HTTP/1.1\r\nHost: a', 400],
    ['GET / HTTP/1.1 \r\nHost: a', 400],
    [' GET / HTTP/1.1\r\nHost: a', 400],
    ['GET / http/1.1\r\nHost: a', 400],
    ['GET /\xfc HTTP/1.1\r\nHost: a', 400],
    ['GET', 400],
    ['', 400],
    ['G\tT / HTTP/1.1\r\nHost: a', 400],
    ['GET a HTTP/1.1\r\nHost: a', 400],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a', 400],
    ['PRI * HTTP/2.0', 505],
    ['GET / HTTP/0.9', 505],
    ['GET / HTTP/1.1\r\nHost : a', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\n X: folded', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\n\tX: folded', 400],
    ['GET / HTTP/1.1\r\nHost: a\nX: 1', 400],
    ['GET / HTTP/1.1\r\nHost: a\rX: 1', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nX: \0', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nno colon', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\n: no name', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:', 501],
    ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length:', 400],
    [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${'9'.repeat(16)}`, 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nExpect: tea', 417],
    [`GET / HTTP/1.1\r\nHost: a${'\r\nX: 1'.repeat(300)}`, 431],
  ])('%j', (text, status) => {
    expect(statusOf(() => parseHead(text))).toBe(status);
  });
});

test('what is read of a head', () => {
  const text =
    'POST /v1.41/containers/create?name=a HTTP/1.1\r\nHost: docker\r\ncontent-LENGTH: 5\r\nContent-Length: 5\r\nX-A:  b c \t\r\nx-a:d\r\nConnection: Upgrade, keep-alive\r\nUpgrade: tcp\r\nExpect: 100-Continue\r\nX-L: \xfc';
  expect(parseHead(text)).toMatchObject({
    method: 'POST',
    target: '/v1.41/containers/create?name=a',
    minor: 1,
    body: 5,
    keepAlive: true,
    upgrade: 'tcp',
    expectsContinue: true,
    headers: { host: 'docker', 'x-a': 'b c, d', 'x-l': '\xfc' },
  });
});

test.each([
  ['HTTP/1.1', '', true],
  ['HTTP/1.1', 'Connection: close', false],
  ['HTTP/1.1', 'Connection: Keep-Alive, CLOSE', false],
  ['HTTP/1.0', '', false],
  ['HTTP/1.0', 'Connection: keep-alive', true],
])('%s with "%s" keeps the connection: %p', (version, line, kept) => {
  expect(parseHead(`GET / ${version}\r\nHost: a${line === '' ? '' : `\r\n${line}`}`).keepAlive).toBe(kept);
});

test.each([
  ['http://docker:1234/info?a=b', '/info?a=b', 'docker:1234'],
  ['http://docker', '/', 'docker'],
  ['HTTPS://docker?x', '/?x', 'docker'],
  ['*', '*', 'a'],
])('the target %s is %s of %s', (target, path, host) => {
  const head = parseHead(`GET ${target} HTTP/1.1\r\nHost: a`);
  expect([head.target, head.headers['host']]).toEqual([path, host]);
});

test('no name of a header is special', () => {
  const { headers } = parseHead('GET / HTTP/1.1\r\nHost: a\r\n__proto__: x\r\nconstructor: y');
  expect([headers['__proto__'], headers['constructor'], headers['toString']]).toEqual(['x', 'y', undefined]);
});

test('a long run of spaces takes no long time', () => {
  const begin = process.cpuUsage();
  parseHead(`GET / HTTP/1.1\r\nHost: a\r\nX: a${' '.repeat(500_000)}b${'\t'.repeat(400_000)}`);
  expect(process.cpuUsage(begin).user / 1000).toBeLessThan(500);
});

test('any text is a head or refused', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'GET',
      'POST',
      ' ',
      '/',
      'HTTP/1.1',
      '\r\n',
      ':',
      'Host',
      'Content-Length',
      '1',
      'chunked',
    ),
    fc.constantFrom(
      'Transfer-Encoding',
      '\t',
      '\r',
      '\n',
      '\0',
      'http://',
      'Connection: close',
      '\r\nHost: a\r\n',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      expect(statusOf(() => parseHead(pieces.join('')))).toBeGreaterThanOrEqual(200);
    }),
    { numRuns: 2000 },
  );
});

describe('heads among the bytes of a connection', () => {
  test('however they are cut', () => {
    const bytes = Buffer.from(
      '\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: b\r\n\r\nrest',
    );
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const input = new HeadBuffer();
        const found: string[] = [];
        let from = 0;
        for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
          input.push(bytes.subarray(from, to));
          from = to;
          for (let head = input.takeHead(); head !== null; head = input.takeHead()) found.push(head);
        }
        expect(found).toEqual(['GET /a HTTP/1.1\r\nHost: a', 'POST /b HTTP/1.1\r\nHost: b']);
        expect(input.take().toString()).toBe('rest');
      }),
    );
  });

  test('single bytes cost no more than their number', () => {
    const input = new HeadBuffer();
    const begin = process.cpuUsage();
    input.push(Buffer.from('GET /'));
    for (let count = 0; count < 300_000; count++) {
      input.push(Buffer.from('a'));
      input.takeHead();
    }
    expect(process.cpuUsage(begin).user / 1000).toBeLessThan(3000);
  });

  test('one that is too long, or can never be complete, is refused at once', () => {
    const refused = (text: string) => {
      const input = new HeadBuffer();
      input.push(Buffer.from(text));
      return statusOf(() => input.takeHead());
    };
    expect(refused('x'.repeat(MAX_HEAD + 1))).toBe(431);
    expect(refused(`GET /${'x'.repeat(MAX_HEAD)} HTTP/1.1\r\n\r\n`)).toBe(431);
    expect(refused('GET / HTTP/1.1\nHost: a\n\n')).toBe(400);
    expect(refused('\r\n'.repeat(10))).toBe(400);
    expect(refused('GET / HTTP/1.1\r\nHost')).toBe(200);
  });
});
