import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from './agent-client.ts';
import { encodeFrame, FRAME } from './agent-protocol.ts';

const SYNC_BYTES = 24;
const folder = mkdtempSync(join(tmpdir(), 'hull-agent-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A guest that says hello and then nothing: it does not read either. */
async function silentGuest(path: string): Promise<{ peer: Promise<Socket>; close: () => void }> {
  const { promise: peer, resolve } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const at = received.indexOf('HULLSYNC');
      if (at < 0 || received.length < at + SYNC_BYTES) return;
      const answer = Buffer.alloc(SYNC_BYTES);
      received.copy(answer, 0, at, at + 16);
      answer.writeUInt16LE(1, 16);
      const session = received.readUInt32LE(at + 8);
      socket.pause().removeAllListeners('data');
      socket.write(Buffer.concat([answer, encodeFrame(session, FRAME.hello, 0, new Uint8Array())]));
      resolve(socket);
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  return { peer, close: () => server.close() };
}

test('a guest that does not even read is not waited for longer than one that does not answer', async () => {
  const path = join(folder, 'r');
  const { close } = await silentGuest(path);
  const client = await AgentClient.connect(path, 5000);
  try {
    const asked = client.request(FRAME.configure, Buffer.alloc(900_000), 50);
    await expect(asked).rejects.toThrow('did not answer within 50 ms');
    await expect(client.request(FRAME.shutdown, Buffer.alloc(0), 50)).rejects.toThrow('did not answer');
  } finally {
    client.close();
    close();
  }
});

test('a guest that goes while a request is on its way to it fails the request, and nothing else', async () => {
  const path = join(folder, 's');
  const { peer, close } = await silentGuest(path);
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    const client = await AgentClient.connect(path, 5000);
    // More than the socket takes at once.
    const asked = client.request(FRAME.configure, Buffer.alloc(900_000));
    const failed = asked.then(
      () => null,
      (error: unknown) => error,
    );
    (await peer).destroy();
    expect(await failed).toBeInstanceOf(Error);
    await Bun.sleep(20);
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
    close();
  }
});
