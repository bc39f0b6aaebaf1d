import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { MemoryStream, echo, turns, type Serve } from '../testing/memory-stream.ts';

describe('requests on one connection', () => {
  const REQUESTS = [
    'GET /a HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
    'POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
    'GET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  ].join('');

  test('are answered in their order, however their bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(REQUESTS.length), { maxLength: 10 }), async (cuts) => {
        const stream = new MemoryStream(echo);
        let from = 0;
        for (const to of [...cuts.toSorted((a, b) => a - b), REQUESTS.length]) {
          stream.receive(REQUESTS.slice(from, to));
          from = to;
          if (to % 2 === 0) await turns(1);
        }
        await turns();
        expect(stream.answers).toEqual([
          '200 GET /a ',
          '200 POST /b hello',
          '200 POST /c hello',
          '200 GET /d ',
        ]);
        expect(stream.sent.match(/Connection: close/g)).toHaveLength(1);
        expect(stream.ended).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('wait for the answer to the one before', async () => {
    const begun: string[] = [];
    const answer = Promise.withResolvers<void>();
    const stream = new MemoryStream(async (request, responder) => {
      begun.push(request.target);
      await answer.promise;
      responder.send(200, {}, request.target);
    });
    stream.receive('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    await turns();
    expect(begun).toEqual(['/a']);
    answer.resolve();
    await turns();
    expect(stream.answers).toEqual(['200 /a', '200 /b']);
  });

  test('too many that wait make the client wait', async () => {
    const answer = Promise.withResolvers<void>();
    const stream = new MemoryStream(async (_request, responder) => {
      await answer.promise;
      responder.send(204, {}, '');
    });
    stream.receive('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    for (let count = 0; count < 5000; count++) stream.receive('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(stream.paused).toBe(true);
    answer.resolve();
    await turns(20);
    expect(stream.paused).toBe(false);
    expect(stream.answers).toHaveLength(5001);
  });

  test('what is no request is refused after the answers before it, and nothing after it is', async () => {
    const stream = new MemoryStream(echo);
    stream.receive('GET /a HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    await turns();
    expect(stream.answers).toEqual(['200 GET /a ', expect.stringContaining('400 {"message":')]);
    expect(stream.ended).toBe(true);
    stream.receive('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    await turns();
    expect(stream.answers).toHaveLength(2);
  });
});

describe('connections that are taken over', () => {
  test('input is what follows the request, and each direction ends by itself', async () => {
    const received: string[] = [];
    const stream = new MemoryStream(async (_, responder) => {
      const connection = responder.hijack({}, null);
      await new Promise<void>((resolve) => {
        connection.receive(
          async (data) => void received.push(Buffer.from(data).toString()),
          async () => {
            received.push('end');
            resolve();
          },
        );
      });
      await connection.write('GET');
      connection.end();
    });
    stream.receive('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nraw');
    await turns();
    stream.receive('GET / HTTP/1.1\r\n\r\n');
    stream.connection.ended();
    await turns();
    expect(received.join('|')).toBe('raw|GET / HTTP/1.1\r\n\r\n|end');
    expect(stream.sent).toEndWith('\r\n\r\nGET');
    expect(stream.ended).toBe(true);
  });

  test('a refusal to upgrade ends the connection: what follows may not be HTTP', async () => {
    const stream = new MemoryStream(async (_, responder) => responder.send(404, {}, ''));
    stream.receive(
      'POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    );
    await turns();
    expect(stream.answers).toHaveLength(1);
    expect(stream.ended).toBe(true);
  });

  test('a client that vanishes is told to those who listen, even late', async () => {
    const told: string[] = [];
    const stream = new MemoryStream(async (_, responder) => {
      responder.onGone(() => told.push('early'));
      const connection = responder.hijack({}, { Upgrade: 'tcp' });
      connection.receive(
        async () => undefined,
        async () => void told.push('end of input'),
      );
      await turns(5);
      responder.onGone(() => told.push('late'));
      await connection.write('x');
      connection.end();
    });
    stream.receive('POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    stream.connection.closed();
    await turns();
    expect(told).toEqual(['early', 'late']);
  });

  test('input in chunks that are malformed breaks it off, and those who listen are told', async () => {
    const told: string[] = [];
    const stream = new MemoryStream(async (_, responder) => {
      const gone = Promise.withResolvers<void>();
      responder.onGone(gone.resolve);
      const connection = responder.hijack({}, null);
      connection.receive(
        async (data) => void told.push(Buffer.from(data).toString()),
        async () => void told.push('end of input'),
      );
      await gone.promise;
      told.push('gone');
    });
    stream.receive('POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nin\r\n');
    await turns();
    stream.receive('nonsense\r\n');
    await turns();
    expect(told).toEqual(['in', 'gone']);
    expect(stream.ended).toBe(true);
  });
});

test('a head that does not arrive in time is refused', async () => {
  const stream = new MemoryStream(echo, 20);
  stream.receive('GET / HTTP');
  await Bun.sleep(60);
  expect(stream.answers).toEqual([expect.stringContaining('408')]);
  const kept = new MemoryStream(echo, 20);
  kept.receive('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
  await Bun.sleep(60);
  expect(kept.ended).toBe(false);
  kept.receive('G');
  await Bun.sleep(60);
  expect(kept.answers[1]).toStartWith('408');
});

test('any bytes are answered, or the connection ends: nothing is left open after the client has ended its direction', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'GET /a HTTP/1.1\r\n',
      'POST /b HTTP/1.0\r\n',
      'Host: x\r\n',
      '\r\n',
      'Content-Length: 3\r\n',
      'abc',
    ),
    fc.constantFrom(
      'Transfer-Encoding: chunked\r\n',
      '1\r\na\r\n',
      '0\r\n\r\n',
      'Connection: Upgrade\r\nUpgrade: tcp\r\n',
    ),
    fc.constantFrom('Connection: close\r\n', 'Expect: 100-continue\r\n', ' ', '\r', '\n', '\0', ':'),
    fc.string({ maxLength: 5 }),
  );
  const handlers: readonly Serve[] = [
    echo,
    async (_, responder) => responder.send(404, {}, 'no'),
    async (_, responder) => {
      const sink = responder.open(200, {});
      await sink.write('a');
      sink.end();
    },
    async (_, responder) => {
      const connection = responder.hijack({}, null);
      await new Promise<void>((resolve) => {
        responder.onGone(() => resolve());
        connection.receive(
          (data) => connection.write(data),
          async () => resolve(),
        );
      });
      connection.end();
    },
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 25 }),
      fc.nat(3),
      fc.boolean(),
      async (pieces, which, slowly) => {
        const serve = handlers[which] ?? echo;
        const stream = new MemoryStream((request, responder) =>
          serve(request, responder).catch(() => responder.abort()),
        );
        for (const text of pieces) {
          stream.receive(text);
          if (slowly) await turns(1);
        }
        stream.connection.ended();
        await turns(4);
        expect(stream.ended || stream.destroyed).toBe(true);
        stream.connection.closed();
      },
    ),
    { numRuns: 500 },
  );
});
