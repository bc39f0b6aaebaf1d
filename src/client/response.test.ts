import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { framingOf, parseHead, readBody, readHead } from './response.ts';

/** A source that gives `bytes` in pieces cut at `cuts`. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): ByteReader {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const parts = ends
    .map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end))
    .filter((part) => part.length > 0);
  return new ByteReader({ read: async () => parts.shift() ?? null });
}

async function readResponse(reader: ByteReader, method = 'GET'): Promise<{ status: number; body: string }> {
  const head = await readHead(reader);
  const parts: Uint8Array[] = [];
  for await (const part of readBody(reader, framingOf(head, method))) parts.push(part);
  return { status: head.status, body: Buffer.concat(parts).toString('latin1') };
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const cuts = fc.array(fc.nat(10_000), { maxLength: 20 });

describe('a response', () => {
  test.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi'],
    [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n yo\r\n0\r\nTrailer: x\r\n\r\n',
      200,
      'hi yo',
    ],
    ['HTTP/1.0 200 OK\r\n\r\nuntil the end', 200, 'until the end'],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', 404, ''],
    ['HTTP/1.1 204 No Content\r\n\r\nignored', 204, ''],
    ['HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n', 304, ''],
  ])('%j', async (text, status, body) => {
    expect(await readResponse(pieces(bytesOf(text), []))).toEqual({ status, body });
  });

  test('a HEAD has no body', async () => {
    expect(
      await readResponse(pieces(bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'), []), 'HEAD'),
    ).toEqual({ status: 200, body: '' });
  });

  test.each([
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: empty name\r\n\r\n',
    'HTTP/1.1 200 OK\r\n folded: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}\r\n`,
  ])('a hostile one is refused: %#', async (text) => {
    const failure = await readResponse(pieces(bytesOf(text), [])).catch((error: unknown) => error);
    expect(isHullError(failure, 'bad-response')).toBe(true);
  });

  test.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxx',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
    'HTTP/1.1 200',
    '',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y',
  ])('one that breaks off is a lost connection: %#', async (text) => {
    const failure = await readResponse(pieces(bytesOf(text), [])).catch((error: unknown) => error);
    expect(isHullError(failure, 'engine-unreachable')).toBe(true);
  });

  test('property: chunked bodies arrive whole, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 10 }),
        cuts,
        async (chunks, cutAt) => {
          const coded = chunks.map((chunk) =>
            Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
          );
          const whole = Buffer.concat([
            Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
            ...coded,
            Buffer.from('0\r\n\r\n'),
          ]);
          const { body } = await readResponse(pieces(whole, cutAt));
          expect(body).toBe(Buffer.concat(chunks).toString('latin1'));
        },
      ),
    );
  });

  test('property: two responses on one connection do not run into each other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        cuts,
        async (first, second, cutAt) => {
          const one = (body: Uint8Array) =>
            Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
          const reader = pieces(Buffer.concat([one(first), one(second)]), cutAt);
          expect((await readResponse(reader)).body).toBe(Buffer.from(first).toString('latin1'));
          expect((await readResponse(reader)).body).toBe(Buffer.from(second).toString('latin1'));
        },
      ),
    );
  });

  test('property: any bytes give a response or one of the two errors, nothing else', async () => {
    const almost = fc.stringMatching(
      /^HTTP\/1\.[01] \d{3} [ -~]{0,20}\r\n((Content-Length|Transfer-Encoding|X): ?[ -~]{0,12}\r\n){0,3}\r\n[ -~\r\n]{0,60}$/,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 500 }), almost.map(bytesOf)),
        cuts,
        async (bytes, cutAt) => {
          const result = await readResponse(pieces(bytes, cutAt)).catch((error: unknown) => error);
          expect(
            isHullError(result, 'bad-response') ||
              isHullError(result, 'engine-unreachable') ||
              (typeof result === 'object' && result !== null && 'status' in result),
          ).toBe(true);
        },
      ),
    );
  });
});

test('repeated headers are joined, names are in lower case', () => {
  const { headers } = parseHead('HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:2\r\nHost:  h ');
  expect([...headers]).toEqual([
    ['x-a', '1, 2'],
    ['host', 'h'],
  ]);
});
