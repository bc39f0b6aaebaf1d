import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from '../server.ts';
import { FakeClient } from './fake-client.ts';
import { createFakeEngine, type FakeEngine } from './fake-engine.ts';

/** Lines that ask for an upgrade as Docker's clients do. */
export const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];

/** A server over the fake engine, on a socket of its own, and clients that go away with it. */
export class TestServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'http-server-'));
  readonly socketPath = join(this.folder, 's');
  readonly engine: FakeEngine = createFakeEngine();
  /** What the server told as defects. */
  readonly defects: string[] = [];
  readonly server: Server = createServer({
    engine: this.engine,
    socketPath: this.socketPath,
    log: (level, line) => {
      if (level === 'error') this.defects.push(line);
    },
  });
  readonly #clients: FakeClient[] = [];

  static async start(): Promise<TestServer> {
    const started = new TestServer();
    await started.server.listen();
    return started;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.vanish();
    await this.server.close();
    this.engine[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  dial(): FakeClient {
    const client = new FakeClient(this.socketPath);
    this.#clients.push(client);
    return client;
  }

  /** Creates an instance and returns its id. */
  async create(args: readonly string[], more: object = {}): Promise<string> {
    const client = this.dial();
    client.request('POST', '/containers/create', { Image: 'busybox', Cmd: args, ...more });
    const { status, body } = await client.json();
    if (status !== 201) throw new Error(`creating failed with ${status}`);
    return (body as { Id: string }).Id;
  }
}

/** Waits for what comes about by itself. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
