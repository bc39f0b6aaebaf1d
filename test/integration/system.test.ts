import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 180_000;
setDefaultTimeout(60_000);

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://engine${path}`, {
    method,
    unix: engine.socket,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

const docker = (...args: string[]) => engine.mustDocker(...args);

/** Processes of this engine that measure files. */
function walkers(): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      const command = readFileSync(`/proc/${Number(pid)}/cmdline`, 'utf8');
      return command.startsWith('find') && command.includes(engine.folder);
    } catch {
      return false;
    }
  }).length;
}

describe('facts', () => {
  test('info tells the host’s truth, and docker has nothing to warn of that is not so', async () => {
    // Waits until it is known whether VMs boot, which docker's own question does not.
    await engine.must(['info']);
    const info = (await ask('GET', '/info')).body as Record<string, unknown>;
    const id = info['ID'];
    expect(id).toMatch(/^[0-9a-f]{8}-/);
    expect(info).toMatchObject({
      ...{ Driver: 'overlay2', CgroupDriver: 'cgroupfs', OSType: 'linux', DefaultRuntime: 'runc' },
      ...{ LiveRestoreEnabled: true, Isolation: '', Containers: 0, NEventsListener: 0 },
      Swarm: { LocalNodeState: 'inactive' },
      Plugins: { Volume: ['local'] },
    });
    expect(info['MemoryLimit']).toBe(true);
    expect(Object.keys(info['Runtimes'] as object)).toEqual(expect.arrayContaining(['crun', 'runc']));
    const { stderr } = await engine.docker(['info']);
    const warnings = (info['Warnings'] ?? []) as string[];
    expect(stderr.trim()).toBe(warnings.join('\n'));
    expect(warnings.every((warning) => warning.startsWith('WARNING: '))).toBe(true);
    await engine.restart();
    expect(((await ask('GET', '/info')).body as { ID: string }).ID).toBe(String(id));
  });

  test('version names the programs that carry instances', async () => {
    const { Components } = (await ask('GET', '/version')).body as {
      Components: readonly { Name: string; Version: string }[];
    };
    const conmon = execFileSync('conmon', ['--version'], { encoding: 'utf8' });
    expect(Components[0]?.Name).toBe('Engine');
    expect(conmon).toContain(Components.find(({ Name }) => Name === 'conmon')?.Version ?? 'no conmon');
  });
});

describe('an engine outside a swarm', () => {
  const MANAGER = /^This node is not a swarm manager\. Use "docker swarm init"/;
  test.each([
    ['GET', '/swarm', 503, MANAGER],
    ['GET', '/nodes', 503, MANAGER],
    ['GET', '/services', 503, MANAGER],
    ['POST', '/services/create', 503, MANAGER],
    ['GET', '/tasks', 503, MANAGER],
    ['GET', '/secrets', 503, MANAGER],
    ['DELETE', '/configs/x', 503, MANAGER],
    ['POST', '/swarm/leave', 503, /^This node is not part of a swarm$/],
    ['POST', '/swarm/init', 501, /one host/],
    ['POST', '/swarm/join', 501, /one host/],
    ['GET', '/plugins/some/name/json', 404, /^plugin "some\/name" not found$/],
    ['POST', '/plugins/pull?remote=x', 501, /no plugins/],
    ['PUT', '/volumes/any?version=1', 503, /swarm is unavailable/],
  ] as const)('%s %s: %d', async (method, path, status, words) => {
    const answer = await ask(method, path, method === 'GET' ? undefined : {});
    expect(answer.status).toBe(status);
    expect((answer.body as { message: string }).message).toMatch(words);
  });

  test('no plugins', async () => {
    expect(await ask('GET', '/plugins')).toEqual({ status: 200, body: [] });
  });
});

interface Usage {
  readonly LayersSize: number;
  readonly Images: readonly { Containers: number; Size: number; SharedSize: number }[] | null;
  readonly Containers: readonly { SizeRw?: number; SizeRootFs?: number }[] | null;
  readonly Volumes: readonly { Name: string; UsageData: { Size: number; RefCount: number } }[] | null;
  readonly BuildCache: readonly unknown[] | null;
  readonly BuilderSize?: number;
}

const usage = async (query = '', prefix = ''): Promise<Usage> =>
  (await ask('GET', `${prefix}/system/df${query}`)).body as Usage;

describe('disk usage', () => {
  test('sizes as they are, users as they are, kinds as asked for', async () => {
    await docker(
      'run',
      '--name',
      'writer',
      '-v',
      'sized:/x',
      'busybox',
      'sh',
      '-c',
      'seq 1 2000 > /written; seq 1 500 > /x/f; ln /x/f /x/g',
    );
    const found = await usage();
    const mountpoint = await docker('volume', 'inspect', '-f', '{{.Mountpoint}}', 'sized');
    const size = readFileSync(join(mountpoint, 'f')).byteLength;
    expect(found.Volumes).toMatchObject([{ Name: 'sized', UsageData: { Size: size, RefCount: 1 } }]);
    const written = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`).join('').length;
    expect(found.Containers).toMatchObject([{ SizeRw: written, SizeRootFs: written + found.LayersSize }]);
    expect(found.Images).toMatchObject([{ Containers: 1, Size: found.LayersSize, SharedSize: 0 }]);
    expect(found).not.toHaveProperty('BuilderSize');
    expect(await usage('', '/v1.41')).toMatchObject({ BuilderSize: 0 });
    expect(await usage('?type=volume&type=image')).toMatchObject({ Containers: null, BuildCache: null });
    expect((await ask('GET', '/system/df?type=dogs')).status).toBe(400);
    const [row] = (await docker('ps', '-as', '--format', '{{.Size}}')).split('\n');
    expect(row).toBe(await engine.must(['ps', '-as', '--format', '{{.Size}}']));
    const columns = '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}';
    expect(await engine.must(['system', 'df', '--format', columns])).toBe(
      await docker('system', 'df', '--format', columns),
    );
    expect(await engine.must(['system', 'df', '-v'])).toContain('sized');
  });

  test('many files: nobody waits for them, several who ask share the walk, and it ends when they go', async () => {
    const folder = await docker(
      'volume',
      'inspect',
      '-f',
      '{{.Mountpoint}}',
      await docker('volume', 'create', 'many'),
    );
    for (let one = 0; one < 100; one++) {
      mkdirSync(join(folder, String(one)));
      for (let two = 0; two < 300; two++) writeFileSync(join(folder, String(one), String(two)), '');
    }
    const answers = Promise.all(Array.from({ length: 5 }, () => usage('?type=volume')));
    let answered = 0;
    let running = true;
    void answers.finally(() => (running = false));
    let most = 0;
    while (running) {
      await ask('GET', '/containers/json?all=1');
      answered += 1;
      most = Math.max(most, walkers());
    }
    const all = await answers;
    expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
    // Others are served meanwhile.
    expect(answered).toBeGreaterThan(3);
    // One for each of the two volumes, however many asked.
    expect([1, 2]).toContain(most);
    const gone = new AbortController();
    const leaving = fetch('http://engine/system/df', { unix: engine.socket, signal: gone.signal });
    await Bun.sleep(5);
    gone.abort();
    // On a busy host the answer may have come before.
    await leaving.catch(() => undefined);
    const deadline = Date.now() + 20_000;
    while (walkers() > 0 && Date.now() < deadline) await Bun.sleep(5);
    expect(walkers()).toBe(0);
  });
});

describe('events', () => {
  test('everything that is remembered since 0; times that make no sense', async () => {
    const lines = async (query: string): Promise<string[]> => {
      const response = await fetch(`http://engine/events${query}`, { unix: engine.socket });
      return (await response.text()).trim().split('\n');
    };
    const all = await lines(`?since=0&until=${Math.ceil(Date.now() / 1000)}`);
    const first = JSON.parse(all[0] ?? '') as Record<string, unknown>;
    expect(Object.keys(first).slice(-6)).toEqual(['Type', 'Action', 'Actor', 'scope', 'time', 'timeNano']);
    // Digit by digit: more than a double holds.
    expect(all[0]).toMatch(/"timeNano":\d{19}\}$/);
    expect((await ask('GET', '/events?since=20&until=10')).status).toBe(400);
    const filters = encodeURIComponent(JSON.stringify({ volume: { man: true }, event: ['create'] }));
    const [made] = await lines(`?since=0&until=${Math.ceil(Date.now() / 1000)}&filters=${filters}`);
    expect(JSON.parse(made ?? '')).toMatchObject({ Type: 'volume', Action: 'create', Actor: { ID: 'many' } });
  });
});

test('system prune, by docker and by hull', async () => {
  await docker('network', 'create', 'idle');
  const pruned = await docker('system', 'prune', '-f', '--volumes');
  expect(pruned).toContain('Deleted Containers');
  expect(pruned).toContain('Deleted Networks:\nidle');
  expect(await docker('volume', 'ls', '-q')).toBe('many\nsized');
  await docker('network', 'create', 'idle');
  await docker('create', '--name', 'left', '-v', '/anonymous', 'busybox');
  const own = await engine.must(['system', 'prune', '--all', '--volumes']);
  expect(own).toContain('Deleted Networks:\nidle');
  expect(own).toContain('untagged: busybox:latest');
  expect(own).toContain('Total reclaimed space: ');
  expect([await docker('ps', '-aq'), await docker('images', '-q')]).toEqual(['', '']);
  expect(await engine.findings()).toBe('');
});
