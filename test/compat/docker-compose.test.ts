import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { run, type Finished } from './support/command.ts';
import { suiteEngine } from './support/suite.ts';

const PROJECT = join(import.meta.dir, 'project');
const BASE = 'debian:bookworm-slim';
const LONG = 400_000;

// Its images are made of Debian's packages: that takes a minute, once.
const { engine, docker } = suiteEngine({ data: join(import.meta.dir, '../../.cache/compat') });

/** Debian's docker-compose 1.29, in the folder of the web, database and cache project. */
function compose(args: readonly string[], cwd = PROJECT, timeout = 120_000): Promise<Finished> {
  const env = { ...docker.environment, COMPOSE_PROJECT_NAME: 'shop' };
  return run(['docker-compose', '--ansi', 'never', ...args], { cwd, env, timeout });
}

async function must(args: readonly string[], cwd = PROJECT, timeout = 120_000): Promise<string> {
  const result = await compose(args, cwd, timeout);
  if (result.code !== 0)
    throw new Error(`docker-compose ${args.join(' ')}: ${result.stderr}${result.stdout}`.slice(-3000));
  return result.stdout.trim();
}

beforeAll(async () => {
  if ((await docker.run(['image', 'inspect', BASE])).code !== 0)
    await engine.hull(['bootstrap', BASE], undefined, LONG);
}, LONG);

afterAll(async () => {
  await compose(['down', '-v', '--timeout', '5']);
}, LONG);

const page = async (address: string) =>
  (await fetch(`http://${address}/`, { headers: { connection: 'close' } })).text();

const visits = (text: string): number => Number(/visits: (\d+)/.exec(text)?.[1]);

describe('web, database and cache', () => {
  test(
    'build: each service from its stage',
    async () => {
      const output = await must(['build'], PROJECT, LONG);
      for (const name of ['web', 'database', 'cache'])
        expect(output).toContain(`Successfully tagged compat-${name}:latest`);
    },
    LONG,
  );

  test('config knows the services', async () => {
    expect((await must(['config', '--services'])).split('\n').toSorted()).toEqual([
      'cache',
      'database',
      'tool',
      'web',
    ]);
  });

  test('up waits for the health of what a service depends on', async () => {
    await must(['up', '-d']);
    const started = (name: string) => docker.inspect(`shop_${name}_1`, '{{.State.StartedAt}}');
    const healthy = (name: string) => docker.inspect(`shop_${name}_1`, '{{.State.Health.Status}}');
    expect([await healthy('database'), await healthy('cache')]).toEqual(['healthy', 'healthy']);
    expect(Date.parse(await started('web'))).toBeGreaterThan(Date.parse(await started('database')));
  });

  test('the web server reads from both others by their names', async () => {
    const address = await must(['port', 'web', '8080']);
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const first = await until('the page', async () => {
      const text = await page(address);
      return text.includes('from the database') ? text : null;
    });
    // Its health check visits it too.
    expect(visits(await page(address))).toBeGreaterThan(visits(first));
  });

  test('a second up changes nothing', async () => {
    const ids = await must(['ps', '-q']);
    expect((await compose(['up', '-d'])).stderr).toContain('shop_database_1 is up-to-date');
    expect(await must(['ps', '-q'])).toBe(ids);
  });

  test('ps, top, images', async () => {
    const table = await must(['ps']);
    expect(table).toMatch(/shop_database_1 .* Up \(healthy\)/);
    expect(table).toMatch(/shop_web_1 .*127\.0\.0\.1:\d+->8080\/tcp/);
    expect((await must(['ps', '--services', '--filter', 'status=running'])).split('\n').toSorted()).toEqual([
      'cache',
      'database',
      'web',
    ]);
    expect(await must(['top', 'cache'])).toContain('redis-server');
    expect(await must(['images'])).toContain('compat-web');
  });

  test('exec and logs', async () => {
    expect(await must(['exec', '-T', 'cache', 'redis-cli', 'ping'])).toBe('PONG');
    expect(
      await must([
        'exec',
        '-T',
        '-e',
        'A=b',
        '-u',
        'root',
        'cache',
        'sh',
        '-c',
        'id -u; echo $A $KIND; ulimit -n',
      ]),
    ).toBe('0\nb cache\n4096');
    expect((await compose(['exec', '-T', 'cache', 'sh', '-c', 'exit 9'])).code).toBe(9);
    expect(await must(['logs', '--no-color', 'database'])).toMatch(/database_1 +\| database starts/);
    expect(
      (await must(['logs', '--no-color', '--tail', '1', 'cache']))
        .split('\n')
        .filter((line) => line.includes('|')),
    ).toHaveLength(1);
  });

  test('run: a service of a profile, and one command', async () => {
    expect(await must(['run', '--rm', '-T', 'tool'])).toBe('PONG');
    expect(await must(['run', '--rm', '-T', '--no-deps', 'cache', 'echo', 'once'])).toBe('once');
  });

  test('scale', async () => {
    await must(['up', '-d', '--scale', 'web=3', '--no-recreate']);
    expect((await must(['ps', '-q', 'web'])).split('\n')).toHaveLength(3);
    await must(['scale', 'web=1']);
    expect((await must(['ps', '-q', 'web'])).split('\n')).toHaveLength(1);
  });

  test('stop, start, restart, pause, kill: the data stays', async () => {
    await must(['exec', '-T', 'database', 'psql', '-U', 'app', '-c', "UPDATE words SET word = 'kept'"]);
    await must(['restart', '-t', '5', 'database']);
    await must(['pause', 'cache']);
    expect(await must(['ps'])).toMatch(/shop_cache_1 .* Paused/);
    await must(['unpause', 'cache']);
    await must(['stop', '-t', '5']);
    expect(await docker.must(['ps', '-q'])).toBe('');
    await must(['start']);
    await must(['kill', '-s', 'KILL', 'web']);
    await must(['up', '-d']);
    const address = await must(['port', 'web', '8080']);
    await until('the page', async () => ((await page(address)).includes('word: kept') ? true : null));
  });

  test('a change recreates the service, its volume and its address book follow', async () => {
    const override = join(engine.folder, 'override.yml');
    writeFileSync(override, "version: '3.9'\nservices:\n  database:\n    environment: { CHANGED: 'yes' }\n");
    const before = await docker.inspect('shop_database_1', '{{.Id}}');
    await must(['-f', 'docker-compose.yml', '-f', override, 'up', '-d', 'database']);
    expect(await docker.inspect('shop_database_1', '{{.Id}}')).not.toBe(before);
    const address = await must(['port', 'web', '8080']);
    await until('the page', async () => ((await page(address)).includes('word: kept') ? true : null));
  });

  test('down -v takes everything with it', async () => {
    await must(['down', '-v', '--timeout', '5', '--remove-orphans']);
    expect(await docker.must(['ps', '-aq'])).toBe('');
    expect(await docker.must(['volume', 'ls', '-q'])).toBe('');
    expect(await docker.must(['network', 'ls', '-q', '-f', 'type=custom'])).toBe('');
  });
});

test('a health check that fails stops what depends on it', async () => {
  const folder = join(engine.folder, 'sick');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'docker-compose.yml'),
    `version: '3.9'
services:
  sick:
    image: busybox
    command: sleep 1000
    stop_signal: KILL
    healthcheck: { test: 'false', interval: 100ms, retries: 1 }
  after:
    image: busybox
    command: echo never
    depends_on: { sick: { condition: service_healthy } }
`,
  );
  const result = await compose(['up', '-d'], folder);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('is unhealthy');
  await must(['down', '--timeout', '0'], folder);
});
