import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from './server.ts';
import type { FakeEngine } from './testing/fake-engine.ts';
import type { FakeClient } from './testing/fake-client.ts';
import { TestServer, UPGRADE, eventually } from './testing/test-server.ts';

let host: TestServer;
let engine: FakeEngine;
let server: Server;
let folder: string;
let socketPath: string;

beforeEach(async () => {
  host = await TestServer.start();
  ({ engine, server, folder, socketPath } = host);
});
afterEach(() => host.stop());

const dial = (): FakeClient => host.dial();
const create = (args: readonly string[], more: object = {}): Promise<string> => host.create(args, more);

describe('the socket', () => {
  test('only its owner may open it', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  test('a second daemon is refused, and the first goes on', async () => {
    await expect(createServer({ engine, socketPath }).listen()).rejects.toThrow('another daemon answers');
    const client = dial();
    client.request('GET', '/_ping');
    expect(await client.until('OK')).toContain('200 OK');
  });

  test('a stale one is replaced', async () => {
    const stale = join(folder, 'stale');
    // What a killed daemon leaves behind.
    const program = `require('node:net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', program]);
    expect(statSync(stale).isSocket()).toBe(true);
    const second = createServer({ engine, socketPath: stale });
    await second.listen();
    await second.close();
  });

  test('a file in its place is left alone', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    await expect(createServer({ engine, socketPath: file }).listen()).rejects.toThrow('not a socket');
    expect(statSync(file).size).toBe(8);
  });
});

describe('closing', () => {
  test('ends waits and attachments, and takes the socket away', async () => {
    const id = await create(['sleep', '100']);
    const waiting = dial();
    waiting.request('POST', `/containers/${id}/wait?condition=next-exit`);
    await waiting.until('\r\n\r\n');
    const attached = dial();
    attached.request('POST', `/containers/${id}/attach?stream=1&stdout=1`, '', UPGRADE);
    await attached.until('\r\n\r\n');
    await server.close();
    await Promise.all([waiting.rest(), attached.rest()]);
    expect(existsSync(socketPath)).toBe(false);
    await server.listen();
  });

  test('the request that ends the daemon gets its answer', async () => {
    let closed: Promise<void> | undefined;
    engine.system.shutdown = async () => {
      closed = server.close();
      await Bun.sleep(5);
    };
    const client = dial();
    client.request('POST', '/hull/v1/shutdown', { instances: 'keep' });
    expect((await client.json()).status).toBe(204);
    await closed;
    await server.listen();
  });
});

describe('answers', () => {
  test('ping says who is there', async () => {
    const client = dial();
    client.request('HEAD', '/v1.41/_ping');
    const head = await client.until('\r\n\r\n');
    for (const header of [
      'Api-Version: 1.51',
      'Docker-Experimental: false',
      'Ostype: linux',
      'Builder-Version: 1',
    ]) {
      expect(head).toContain(header);
    }
    client.request('GET', '/_ping');
    expect(await client.until('\r\n\r\nOK')).toContain('200 OK');
  });

  test.each([
    ['GET', '/nothing', '', 404, 'path-not-found', 'page not found'],
    ['GET', '/containers/none/json', '', 404, 'instance-not-found', 'No such container: none'],
    ['GET', '/v1.99/info', '', 400, 'invalid-argument', 'too new'],
    ['GET', '/containers/json?filters=[', '', 400, 'invalid-argument', '"filters"'],
    [
      'POST',
      '/containers/create',
      '{"HostConfig":{"Memory":"1g"}}',
      400,
      'invalid-argument',
      'HostConfig.Memory',
    ],
    ['POST', '/containers/create', '{', 400, 'invalid-argument', 'JSON'],
    ['POST', '/session', '', 501, 'not-supported', 'not supported'],
  ])('%s %s %s fails with %d', async (method, path, body, status, code, message) => {
    const client = dial();
    client.request(method, path, body);
    const answer = await client.json();
    expect(answer.status).toBe(status);
    expect(answer.head).toContain(`X-Hull-Error: ${code}`);
    expect((answer.body as { message: string }).message).toContain(message);
  });

  test('native errors have their own shape', async () => {
    const client = dial();
    client.request('GET', '/hull/v1/machines/none');
    const { status, body } = await client.json();
    expect(status).toBe(404);
    expect(body).toEqual({
      error: { code: 'machine-not-found', kind: 'NotFound', message: 'No such machine: none', details: {} },
    });
  });

  test('a body without end is refused at the limit', async () => {
    const client = dial();
    client.request('POST', '/containers/create', `"${'x'.repeat(17 * 1024 * 1024)}"`);
    expect((await client.json()).status).toBe(400);
  });

  test('one connection serves many requests', async () => {
    const client = dial();
    for (let count = 0; count < 3; count++) {
      client.request('GET', '/containers/json');
      expect((await client.json()).body).toEqual([]);
    }
  });
});

describe('wait', () => {
  test('headers come at once, the status when it ends, for a start that follows at once', async () => {
    const id = await create(['sh', '-c', 'exit 7']);
    const waiting = dial();
    waiting.request('POST', `/containers/${id}/wait?condition=next-exit`);
    expect(await waiting.until('\r\n\r\n')).toContain('200 OK');
    dial().request('POST', `/containers/${id}/start`);
    expect(await waiting.until('\n\r\n')).toContain('{"StatusCode":7}');
  });

  test('a client that goes ends the engine’s wait', async () => {
    const id = await create(['sleep', '100']);
    const real = engine.instances.wait.bind(engine.instances);
    let signal: AbortSignal | undefined;
    engine.instances.wait = (name, condition, given) => {
      signal = given;
      return real(name, condition, given);
    };
    const waiting = dial();
    waiting.request('POST', `/containers/${id}/wait?condition=next-exit`);
    await waiting.until('\r\n\r\n');
    expect(signal?.aborted).toBe(false);
    waiting.vanish();
    await eventually(() => signal?.aborted === true);
  });
});

test('what a client leaves is no defect, what fails otherwise is one', async () => {
  const begun: string[] = [];
  engine.transfers.login = async (_, signal) => {
    begun.push('login');
    await sleep(begun.length === 1 ? 60_000 : 1, undefined, { signal });
    throw new Error('broken');
  };
  const [first, second] = [dial(), dial()];
  first.request('POST', '/auth', {});
  await eventually(() => begun.length === 1);
  first.vanish();
  second.request('POST', '/auth', {});
  expect((await second.json()).status).toBe(500);
  await eventually(() => host.defects.length > 0);
  expect(host.defects).toEqual([expect.stringContaining('broken')]);
});

test('events and stats end when the client goes', async () => {
  const real = engine.events.subscribe.bind(engine.events);
  let signal: AbortSignal | undefined;
  engine.events.subscribe = (query, given) => {
    signal = given;
    return real(query, given);
  };
  const client = dial();
  client.request('GET', '/events?filters={"type":["container"],"event":{"create":true}}');
  await client.until('\r\n\r\n');
  const id = await create(['true']);
  expect(await client.until('}\n')).toContain(`"Actor":{"ID":"${id}"`);
  client.vanish();
  await eventually(() => signal?.aborted === true);
});

describe('build', () => {
  const path = '/build?t=made&t=other:1&buildargs={"A":"arg","B":null}';

  test('tells its steps as the classic builder does', async () => {
    const client = dial();
    client.request('POST', path, 'FROM busybox\nRUN echo hi\n');
    const text = await client.until('0\r\n\r\n');
    const messages = [...text.matchAll(/^\{.*\}$/gm)].map(
      ([line]) => JSON.parse(line) as { stream?: string; aux?: object },
    );
    // Ids differ with the fake's digests: their length is what counts.
    const said = messages.map(({ stream }) => (stream ?? 'aux').replaceAll(/\b[0-9a-f]{12}\b/g, 'ID'));
    expect(said).toEqual([
      'Step 1/2 : FROM busybox\n',
      ' ---> ID\n',
      'Step 2/2 : RUN echo hi\n',
      'hi arg\n',
      ' ---> ID\n',
      'aux',
      'Successfully built ID\n',
      'Successfully tagged made:latest\n',
      'Successfully tagged other:1\n',
    ]);
    expect(engine.images.get('made').references).toContain('docker.io/library/other:1');
  });

  test('a failing step is an error in the stream', async () => {
    const client = dial();
    client.request('POST', '/build', 'FROM busybox\nRUN fail\n');
    const text = await client.until('"}\n\r\n0\r\n');
    expect(text).toContain('200 OK');
    expect(text).toContain('"errorDetail":{"code":3,');
    const quiet = dial();
    quiet.request('POST', '/build?q=1', 'FROM busybox\nRUN fail\n');
    expect(await quiet.until('"}\n\r\n0\r\n')).toContain('"errorDetail":{"code":3,');
  });

  test('a blueprint that cannot be read is an error of the request', async () => {
    const client = dial();
    client.request('POST', '/build', 'nonsense');
    const { status, body } = await client.json();
    expect(status).toBe(400);
    expect(body).toEqual({ message: 'Dockerfile:1: the first instruction must be FROM' });
  });

  test.each(['remote=git://x/y', 'networkmode=mine', 'platform=linux/s390x', 'version=2', 'squash=1'])(
    '%s is refused',
    async (query) => {
      const client = dial();
      client.request('POST', `/build?${query}`, 'FROM busybox\n');
      expect((await client.json()).status).toBe(501);
    },
  );
});

describe('native streams', () => {
  test('progress, then the image', async () => {
    const client = dial();
    client.request('POST', '/hull/v1/bootstrap', { reference: 'debian:bookworm' });
    const text = await client.until('0\r\n\r\n');
    expect(text).toContain('Content-Type: application/x-ndjson');
    const lines = [...text.matchAll(/^\{.*\}$/gm)].map(([line]) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { phase: 'packages', message: 'unpacking', current: 1, total: 2 },
      { image: { RepoTags: ['debian:bookworm'], Size: 4_000_000 } },
    ]);
  });

  test('what fails before the first line has a status', async () => {
    const client = dial();
    client.request('POST', '/hull/v1/bootstrap', { reference: 'fedora' });
    const { status, body } = await client.json();
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'invalid-argument', kind: 'InvalidArgument' } });
  });
});
