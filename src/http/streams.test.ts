import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { FakeEngine } from './testing/fake-engine.ts';
import type { FakeClient } from './testing/fake-client.ts';
import { TestServer, UPGRADE, eventually } from './testing/test-server.ts';

let host: TestServer;
let engine: FakeEngine;

beforeEach(async () => {
  host = await TestServer.start();
  ({ engine } = host);
});
afterEach(() => host.stop());

const dial = (): FakeClient => host.dial();
const create = (args: readonly string[], more: object = {}): Promise<string> => host.create(args, more);

describe('attach', () => {
  const PLAIN: readonly string[] = [];

  test.each([
    ['upgraded', UPGRADE, '101 UPGRADED', 'multiplexed'],
    ['plain', PLAIN, '200 OK', 'raw'],
  ])('%s: output in frames, and the end of input is passed on', async (_kind, headers, status, type) => {
    const id = await create(['cat'], { OpenStdin: true, StdinOnce: true });
    const client = dial();
    const path = `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
    client.request('POST', path, '', headers);
    const head = await client.until('\r\n\r\n');
    expect(head).toContain(status);
    expect(head).toContain(`application/vnd.docker.${type}-stream`);
    expect(head).not.toMatch(/transfer-encoding|content-length/i);
    dial().request('POST', `/containers/${id}/start`);
    client.send('hello');
    await client.until('\x01\0\0\0\0\0\0\x05hello');
    client.halfClose();
    expect(await client.rest()).toBe('');
  });

  test('input in chunks, as a client sends it whose library does not know what is going on', async () => {
    const id = await create(['cat'], { OpenStdin: true, StdinOnce: true });
    const client = dial();
    const path = `/containers/${id}/attach?stream=1&stdin=1&stdout=1`;
    client.send(`POST ${path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n`);
    expect(await client.until('\r\n\r\n')).toContain('200 OK');
    dial().request('POST', `/containers/${id}/start`);
    client.send('5\r\nhello\r\n');
    await client.until('\x01\0\0\0\0\0\0\x05hello');
    client.send('0\r\n\r\nnot input');
    expect(await client.rest()).toBe('');
  });

  test('input that comes with the request, from a client that will send no more', async () => {
    const id = await create(['cat'], { OpenStdin: true, StdinOnce: true });
    const client = dial();
    client.request('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1`);
    client.send('hello');
    client.halfClose();
    await client.until('\r\n\r\n');
    dial().request('POST', `/containers/${id}/start`);
    expect(await client.rest()).toBe('\x01\0\0\0\0\0\0\x05hello');
  });

  test('a terminal’s bytes are raw, and its detach keys leave it running', async () => {
    const id = await create(['cat'], { OpenStdin: true, Tty: true });
    const client = dial();
    client.request('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1&detachKeys=a,b`, '', UPGRADE);
    expect(await client.until('\r\n\r\n')).toContain('application/vnd.docker.raw-stream');
    dial().request('POST', `/containers/${id}/start`);
    client.send('xyz');
    await client.until('xyz');
    client.send('ab');
    await client.rest();
    expect(engine.instances.get(id).status.state).toBe('running');
  });

  test('an unknown instance is refused as HTTP', async () => {
    const client = dial();
    client.request('POST', '/containers/none/attach?stream=1', '', UPGRADE);
    expect((await client.json()).status).toBe(404);
  });

  test('a slow reader slows the workload', async () => {
    const id = await create(['flood']);
    const client = dial();
    client.request('POST', `/containers/${id}/attach?stream=1&stdout=1`, '', UPGRADE);
    await client.until('\r\n\r\n');
    client.pause();
    dial().request('POST', `/containers/${id}/start`);
    await eventually(() => engine.flooded() > 0);
    await Bun.sleep(100);
    const whole = 512 * 65_536;
    expect(engine.flooded()).toBeLessThan(whole / 2);
    client.resume();
    expect((await client.rest()).length).toBe(whole + 512 * 8);
  });

  test('a client that goes is detached, the workload goes on', async () => {
    const id = await create(['sleep', '100']);
    const real = engine.instances.attach.bind(engine.instances);
    let detached = 0;
    engine.instances.attach = async (name, streams) => {
      const stdio = await real(name, streams);
      return { ...stdio, detach: () => (detached++, stdio.detach()) };
    };
    const client = dial();
    client.request('POST', `/containers/${id}/attach?stream=1&stdout=1`, '', UPGRADE);
    await client.until('\r\n\r\n');
    dial().request('POST', `/containers/${id}/start`);
    await eventually(() => engine.instances.get(id).status.state === 'running');
    expect(detached).toBe(0);
    client.vanish();
    await eventually(() => detached > 0);
    expect(engine.instances.get(id).status.state).toBe('running');
  });
});

test('exec: the body comes with the upgrade', async () => {
  const id = await create(['sleep', '100']);
  const control = dial();
  control.request('POST', `/containers/${id}/start`);
  await control.json();
  control.request('POST', `/containers/${id}/exec`, { Cmd: ['echo', 'hi'], AttachStdout: true });
  const { Id } = (await control.json()).body as { Id: string };
  const client = dial();
  client.request('POST', `/exec/${Id}/start`, { Detach: false, Tty: false }, UPGRADE);
  expect(await client.rest()).toEndWith('\x01\0\0\0\0\0\0\x03hi\n');
  control.request('GET', `/exec/${Id}/json`);
  expect((await control.json()).body).toMatchObject({ Running: false, ExitCode: 0, ContainerID: id });
});
