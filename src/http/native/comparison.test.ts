import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from '../server.ts';
import { FakeClient } from '../testing/fake-client.ts';
import { FakeComparison } from '../testing/fake-comparison.ts';
import { createFakeEngine, type FakeEngine } from '../testing/fake-engine.ts';

let folder: string;
let engine: FakeEngine;
let server: Server;
let client: FakeClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'http-compare-'));
  engine = createFakeEngine();
  server = createServer({ engine, socketPath: join(folder, 's') });
  await server.listen();
  client = new FakeClient(join(folder, 's'));
});

afterEach(async () => {
  client.vanish();
  await server.close();
  engine[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('POST /hull/v1/compare', () => {
  test('streams progress, then the report', async () => {
    const request = { image: 'web', probe: 'true', runs: 2, isolations: ['vm'] };
    client.request('POST', '/hull/v1/compare', request);
    expect(await client.until('\r\n\r\n')).toStartWith('HTTP/1.1 200 ');
    expect(await client.until('"container: run 1 of 1, cold"}\n')).toContain('{"phase":"compare"');
    expect(await client.until('"notes":[]}}\n')).toContain(
      '{"report":{"format":1,"image":{"reference":"web"',
    );
  });

  test.each([
    [{ image: 'web' }, '400', 'probe'],
    [{ image: 'web', probe: 'true', runs: 0 }, '400', 'runs'],
    [{ image: 'web', probe: 'true', isolations: 'vm' }, '400', 'isolations'],
    [{ image: 'web', probe: '' }, '400', 'the probe is empty'],
  ])('refuses %j', async (body, status, message) => {
    client.request('POST', '/hull/v1/compare', body);
    const answer = await client.json();
    expect(String(answer.status)).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(message);
  });

  test('is broken off when the client goes', async () => {
    client.request('POST', '/hull/v1/compare', { image: 'endless', probe: 'true' });
    await client.until('cold"}\n');
    client.vanish();
    const comparison = engine.comparison;
    if (!(comparison instanceof FakeComparison)) throw new Error('the fake engine has a fake comparison');
    for (const deadline = Date.now() + 3000; comparison.broken === null; await Bun.sleep(2))
      if (Date.now() > deadline) throw new Error('the comparison goes on');
    expect(comparison.broken).toBeInstanceOf(Error);
  });
});
