import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from './index.ts';
import { HEADROOM } from './packet-receiver.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-packets-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Sends, over SOCK_SEQPACKET, for each number `n` below `count` a packet of the kind `kind(n)`: the kind's byte and `size(n)` bytes `n`. */
async function sender(count: number, kind: string, size: string): Promise<string> {
  const path = join(folder, 's');
  const program = `import socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)
s.bind(${JSON.stringify(path)})
s.listen(1)
print('up',flush=True)
c,_=s.accept()
for n in range(${count}): c.send(bytes([${kind}])+bytes([n%256])*(${size}))`;
  const server = Bun.spawn(['python3', '-c', program], { stdout: 'pipe', stderr: 'inherit' });
  await server.stdout.getReader().read();
  return path;
}

interface Sent {
  readonly kind: (n: number) => number;
  readonly size: (n: number) => number;
}

test.each<[string, number, Sent, string, string]>([
  ['one kind', 3000, { kind: () => 2, size: () => 8192 }, '2', '8192'],
  ['two kinds in turns', 1000, { kind: (n) => 2 + (n % 2), size: () => 100 }, '2+n%2', '100'],
  [
    'runs of two kinds',
    2000,
    { kind: (n) => 2 + (Math.floor(n / 7) % 2), size: (n) => n % 300 },
    '2+(n//7)%2',
    'n%300',
  ],
])('%s: every byte in its order, kinds kept apart', async (_title, count, sent, kind, size) => {
  const path = await sender(count, kind, size);
  const socket = await createHost().sockets.connectPackets(path, { join: true });
  const wanted = { 2: [] as Uint8Array[], 3: [] as Uint8Array[] };
  for (let n = 0; n < count; n++) {
    wanted[sent.kind(n) === 2 ? 2 : 3].push(new Uint8Array(sent.size(n)).fill(n % 256));
  }
  const seen = { 2: [] as Uint8Array[], 3: [] as Uint8Array[] };
  let packets = 0;
  for await (const packet of socket.packets) {
    packets += 1;
    expect(packet.byteOffset).toBeGreaterThanOrEqual(HEADROOM - 1);
    seen[packet[0] === 2 ? 2 : 3].push(packet.subarray(1));
  }
  expect(packets).toBeLessThanOrEqual(count);
  expect(Buffer.concat(seen[2]).equals(Buffer.concat(wanted[2]))).toBe(true);
  expect(Buffer.concat(seen[3]).equals(Buffer.concat(wanted[3]))).toBe(true);
});

test('a reader that waits makes the sender wait, and loses nothing', async () => {
  const path = await sender(2000, '2', '8192');
  const socket = await createHost().sockets.connectPackets(path, { join: true });
  const before = process.memoryUsage().rss;
  await Bun.sleep(300);
  expect(process.memoryUsage().rss - before).toBeLessThan(8e6);
  let total = 0;
  for await (const packet of socket.packets) total += packet.byteLength - 1;
  expect(total).toBe(2000 * 8192);
});
