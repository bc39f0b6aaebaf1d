import { describe, expect, test } from 'bun:test';
import { MemoryStream, turns, type Serve } from '../testing/memory-stream.ts';

describe('answers', () => {
  const stream = (request: string, serve: Serve) => {
    const made = new MemoryStream(serve);
    queueMicrotask(() => made.receive(request));
    return made;
  };

  test('to HEAD have no body, but its length', async () => {
    const made = stream('HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) =>
      responder.send(200, {}, 'body'),
    );
    await turns();
    expect(made.sent).toMatch(/Content-Length: 4\r\n[^]*\r\n\r\n$/);
  });

  test('204 and 304 have no length', async () => {
    const made = stream('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) =>
      responder.send(204, {}, ''),
    );
    await turns();
    expect(made.sent).not.toContain('Content-Length');
  });

  test('streams are chunked, each piece at once', async () => {
    const made = stream('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) => {
      const sink = responder.open(200, {});
      expect(made.sent).toEndWith('\r\n\r\n');
      await sink.write('hello');
      await sink.write('');
      expect(made.sent).toEndWith('5\r\nhello\r\n');
      sink.end();
    });
    await turns();
    expect(made.sent).toEndWith('5\r\nhello\r\n0\r\n\r\n');
    expect(made.ended).toBe(false);
  });

  test('streams to HTTP/1.0 end with the connection', async () => {
    const made = stream('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', async (_, responder) => {
      const sink = responder.open(200, {});
      await sink.write('hello');
      sink.end();
    });
    await turns();
    expect(made.sent).toMatch(/Connection: close\r\n([^]*\r\n)?\r\nhello$/);
    expect(made.ended).toBe(true);
  });

  test('that are broken off have no end', async () => {
    const made = stream('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) => {
      await responder.open(200, {}).write('hello');
    });
    await turns();
    expect(made.sent).toEndWith('hello\r\n');
    expect(made.destroyed).toBe(true);
  });

  test('headers cannot be smuggled into them', async () => {
    const made = stream('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) => {
      expect(() => responder.send(200, { A: 'b\r\nC: d' }, '')).toThrow('does not allow');
      responder.send(200, {}, '');
    });
    await turns();
    expect(made.answers).toEqual(['200 ']);
  });

  test('wait for a slow reader', async () => {
    let written = false;
    const made = stream('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', async (_, responder) => {
      const sink = responder.open(200, {});
      made.waiting = 1e6;
      await sink.write('hello');
      written = true;
      sink.end();
    });
    await turns();
    expect(written).toBe(false);
    made.waiting = 0;
    made.connection.drained();
    await turns();
    expect(written).toBe(true);
  });
});
