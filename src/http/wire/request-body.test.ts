import { describe, expect, test } from 'bun:test';
import { MemoryStream, echo, turns } from '../testing/memory-stream.ts';

describe('bodies', () => {
  const HEAD = 'POST /a HTTP/1.1\r\nHost: x\r\n';

  test('are asked for when somebody reads them', async () => {
    const stream = new MemoryStream(echo);
    stream.receive(`${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    await turns();
    expect(stream.sent).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    stream.receive('ab');
    await turns();
    expect(stream.answers[1]).toBe('200 POST /a ab');
    expect(stream.ended).toBe(false);
  });

  test('that nobody asked for end the connection', async () => {
    const stream = new MemoryStream(async (_, responder) => responder.send(400, {}, 'no'));
    stream.receive(`${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    await turns();
    expect(stream.sent).toContain('Connection: close');
    expect(stream.ended).toBe(true);
  });

  test.each([
    ['small', 1000, true],
    ['large', 1_000_000, false],
  ])('that nobody reads: a %s one keeps the connection: %p', async (_size, length, kept) => {
    const stream = new MemoryStream(async (request, responder) => responder.send(200, {}, request.target));
    stream.receive(`${HEAD}Content-Length: ${length}\r\n\r\n`);
    await turns();
    for (let sent = 0; sent < length; sent += 1000) stream.receive('x'.repeat(1000));
    stream.receive('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    await turns();
    expect(stream.answers.length).toBe(kept ? 2 : 1);
    expect(stream.ended).toBe(!kept);
  });

  test('without end that nobody reads end the connection, which goes on reading', async () => {
    const stream = new MemoryStream(async (_, responder) => responder.send(400, {}, 'no'));
    stream.receive(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await turns();
    expect(stream.ended).toBe(false);
    for (let count = 0; count < 1000; count++) stream.receive(`3e8\r\n${'x'.repeat(1000)}\r\n`);
    expect([stream.ended, stream.destroyed, stream.paused]).toEqual([true, false, false]);
    stream.connection.closed();
  });

  test('that are cut short fail their reader, who can still answer', async () => {
    const stream = new MemoryStream(async (request, responder) => {
      const failure = await echo(request, responder).then(
        () => 'none',
        (error: unknown) => String(error),
      );
      responder.send(400, {}, failure);
    });
    stream.receive(`${HEAD}Content-Length: 5\r\n\r\nab`);
    await turns();
    stream.connection.ended();
    await turns();
    expect(stream.answers).toEqual([expect.stringContaining('before the body was complete')]);
    expect(stream.ended).toBe(true);
  });

  test('with malformed chunks are refused, whatever their reader then says', async () => {
    const stream = new MemoryStream((request, responder) =>
      echo(request, responder).catch(() => responder.send(500, {}, 'late')),
    );
    stream.receive(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nabc`);
    await turns();
    expect(stream.answers).toEqual([expect.stringContaining('400 {"message":')]);
    expect(stream.ended).toBe(true);
  });

  test('faster than their reader make the client wait', async () => {
    const go = Promise.withResolvers<void>();
    let size = 0;
    const stream = new MemoryStream(async (request, responder) => {
      for await (const piece of request.content) {
        await go.promise;
        size += piece.byteLength;
      }
      responder.send(200, {}, '');
    });
    stream.receive(`${HEAD}Content-Length: 2000000\r\n\r\n`);
    let sent = 0;
    while (!stream.paused) {
      stream.receive('x'.repeat(10_000));
      sent += 10_000;
      await turns(1);
    }
    expect(sent).toBeLessThan(400_000);
    go.resolve();
    await turns();
    expect(stream.isPaused).toBe(false);
    stream.receive('x'.repeat(2_000_000 - sent));
    await turns();
    expect(size).toBe(2_000_000);
  });
});
