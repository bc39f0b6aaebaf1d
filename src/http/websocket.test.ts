import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { FakeClient } from './testing/fake-client.ts';
import { TestServer, eventually } from './testing/test-server.ts';
import { overWebsocket, websocketHeaders } from './websocket.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

test('the answer to a handshake is the one of RFC 6455', () => {
  const headers = { 'sec-websocket-key': KEY, 'sec-websocket-version': '13' };
  expect(websocketHeaders(headers, 'WebSocket')['Sec-WebSocket-Accept']).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  for (const [wrong, upgrade] of [
    [headers, 'tcp'],
    [headers, null],
    [{ 'sec-websocket-key': KEY }, 'websocket'],
    [{ 'sec-websocket-version': '13' }, 'websocket'],
  ] as const) {
    expect(() => websocketHeaders(wrong, upgrade)).toThrow('websocket');
  }
});

/** A client's frame, written from RFC 6455. */
function frame(opcode: number, data: Uint8Array, final = true, mask = [1, 2, 3, 4]): Buffer {
  const length =
    data.length < 126
      ? [data.length]
      : data.length < 65_536
        ? [126, data.length >> 8, data.length & 255]
        : [127, 0, 0, 0, 0, 0, data.length >> 16, (data.length >> 8) & 255, data.length & 255];
  const [first = 0, ...more] = length;
  const body = data.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.from([(final ? 0x80 : 0) | opcode, 0x80 | first, ...more, ...mask, ...body]);
}

class Memory {
  sent: Buffer = Buffer.alloc(0);
  ended = false;
  received = '';
  inputEnded = 0;
  #onData: (data: Uint8Array) => Promise<void> = async () => undefined;
  readonly connection = overWebsocket({
    write: async (data) => {
      this.sent = Buffer.concat([this.sent, typeof data === 'string' ? Buffer.from(data) : data]);
    },
    end: () => {
      this.ended = true;
    },
    receive: (onData) => {
      this.#onData = onData;
    },
  });

  constructor() {
    this.connection.receive(
      async (data) => {
        this.received += Buffer.from(data).toString('latin1');
      },
      async () => {
        this.inputEnded += 1;
      },
    );
  }

  feed(data: Uint8Array): Promise<void> {
    return this.#onData(Uint8Array.from(data));
  }
}

describe('messages', () => {
  test('come out whole, however their bytes are cut', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), fc.array(fc.nat(3000)), async (pieces, cuts) => {
        const memory = new Memory();
        const stream = Buffer.concat(
          pieces.flatMap((piece, index) => [
            frame(index % 3, piece, index % 2 === 0),
            frame(9, Uint8Array.of(index)),
          ]),
        );
        let from = 0;
        for (const to of [
          ...cuts.filter((cut) => cut < stream.length).toSorted((a, b) => a - b),
          stream.length,
        ]) {
          await memory.feed(stream.subarray(from, to));
          from = to;
        }
        expect(memory.received).toBe(Buffer.concat(pieces).toString('latin1'));
        // One answer for each ping.
        expect([...memory.sent]).toEqual(pieces.flatMap((_, index) => [0x8a, 1, index]));
      }),
    );
  });

  test('of every length have the header of their length', async () => {
    for (const [length, head] of [
      [125, [0x82, 125]],
      [126, [0x82, 126, 0, 126]],
      [65_535, [0x82, 126, 255, 255]],
      [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
    ] as const) {
      const memory = new Memory();
      await memory.connection.write(Buffer.alloc(length, 7));
      expect([...memory.sent.subarray(0, head.length)]).toEqual([...head]);
      expect(memory.sent.length).toBe(head.length + length);
      await memory.feed(frame(2, Buffer.alloc(length, 7)));
      expect(memory.received.length).toBe(length);
    }
  });

  test('a close ends the input, ours ends with a close', async () => {
    const memory = new Memory();
    await memory.feed(
      Buffer.concat([frame(1, Buffer.from('a')), frame(8, Buffer.alloc(0)), frame(1, Buffer.from('b'))]),
    );
    expect([memory.received, memory.inputEnded]).toEqual(['a', 1]);
    memory.connection.end();
    memory.connection.end();
    expect([[...memory.sent], memory.ended]).toEqual([[0x88, 2, 0x03, 0xe8], true]);
  });

  test.each([
    ['without mask', Buffer.from([0x81, 1, 97])],
    ['of an unknown kind', frame(3, Buffer.alloc(0))],
    ['with reserved bits', Buffer.from([0xc1, 0x80, 1, 2, 3, 4])],
    ['of control that is long', frame(9, Buffer.alloc(126))],
    ['of control in parts', frame(9, Buffer.alloc(1), false)],
    ['larger than can be', Buffer.from([0x82, 0xff, ...Array<number>(12).fill(255)])],
  ])('frames %s end it with 1002', async (_title, bytes) => {
    const memory = new Memory();
    await memory.feed(bytes);
    expect([[...memory.sent], memory.ended, memory.inputEnded]).toEqual([[0x88, 2, 0x03, 0xea], true, 1]);
    await memory.feed(frame(1, Buffer.from('late')));
    expect(memory.received).toBe('');
  });

  test('any bytes are taken or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 })), async (pieces) => {
        const memory = new Memory();
        for (const piece of pieces) await memory.feed(piece);
      }),
    );
  });
});

describe('attach', () => {
  let host: TestServer;
  beforeEach(async () => {
    host = await TestServer.start();
  });
  afterEach(() => host.stop());

  const HANDSHAKE = [
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
  ];
  const dial = async (id: string, headers: readonly string[] = HANDSHAKE): Promise<FakeClient> => {
    const client = host.dial();
    client.request('GET', `/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`, '', headers);
    return client;
  };

  test('input and output, raw, and the ends of both', async () => {
    const id = await host.create(['cat'], { OpenStdin: true, StdinOnce: true });
    const client = await dial(id);
    expect(await client.until('\r\n\r\n')).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    host.dial().request('POST', `/containers/${id}/start`);
    client.send(frame(1, Buffer.from('hello')));
    expect(await client.until('hello')).toBe('\x82\x05hello');
    client.send(frame(8, Buffer.alloc(0)));
    expect(await client.rest()).toBe('\x88\x02\x03\xe8');
    await eventually(() => host.engine.instances.get(id).status.state === 'exited');
  });

  test('what is no handshake, and no instance, is refused as HTTP', async () => {
    const id = await host.create(['cat']);
    expect((await (await dial(id, [])).json()).status).toBe(400);
    expect((await (await dial(id, HANDSHAKE.slice(0, 3))).json()).status).toBe(400);
    expect((await (await dial('none')).json()).status).toBe(404);
  });
});
