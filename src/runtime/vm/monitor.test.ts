import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRecord } from './qmp.ts';
import { VmMonitor } from './monitor.ts';

const ERROR = { operation: 'write', action: 'stop', nospace: true, reason: 'No space left on device' };

/** Talks as QEMU's monitor does, to one client; `onCommand` is told of each command. */
function qemu(path: string, onCommand: (command: string, say: (message: object) => void) => void) {
  const clients: Socket[] = [];
  const server = createServer((socket) => {
    clients.push(socket);
    const say = (message: object): void => void socket.write(`${JSON.stringify(message)}\n`);
    say({ QMP: {} });
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n')) {
        const value: unknown = JSON.parse(line);
        if (!isRecord(value)) continue;
        say({ return: value['execute'] === 'query-status' ? { status: 'running' } : {}, id: value['id'] });
        onCommand(String(value['execute']), say);
      }
    });
  }).listen(path);
  return { clients, close: () => server.close() };
}

test('a stall is told once, however often it is tried in vain to go on, and its end when it lasts; a lost connection is made again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qmp-'));
  const told: (string | null)[] = [];
  const commands: string[] = [];
  const over = Promise.withResolvers<void>();
  const fake = qemu(`${folder}/s`, (command, say) => {
    commands.push(command);
    if (command !== 'cont') return;
    say({ event: 'RESUME', data: {} });
    const tries = commands.filter((one) => one === 'cont').length;
    if (tries === 1) say({ event: 'BLOCK_IO_ERROR', data: ERROR });
  });
  const monitor = new VmMonitor({
    path: `${folder}/s`,
    alive: () => true,
    onChange: ({ trouble }) => {
      told.push(trouble);
      if (trouble === null) over.resolve();
    },
  });
  try {
    await monitor.open();
    fake.clients[0]?.write(`${JSON.stringify({ event: 'BLOCK_IO_ERROR', data: ERROR })}\n`);
    await over.promise;
    expect(told).toEqual([expect.stringContaining('disk is full'), null]);
    expect(commands.filter((command) => command === 'cont')).toHaveLength(2);
    fake.clients[0]?.destroy();
    while (fake.clients.length < 2) await Bun.sleep(20);
    expect(await monitor.execute('query-status')).toEqual({ status: 'running' });
  } finally {
    monitor.close();
    fake.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);
