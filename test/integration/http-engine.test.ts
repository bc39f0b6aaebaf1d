import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Docker's own client against a daemon with the real engine: a container from build to removal. */
const found = spawnSync('docker', ['--version']).status === 0 && existsSync('/bin/busybox');
const HULL = join(import.meta.dir, '../../src/main/hull.ts');

let folder: string;
let daemon: ChildProcess;

beforeAll(async () => {
  if (!found) return;
  folder = mkdtempSync(join(tmpdir(), 'hull-http-'));
  const places = ['--data', join(folder, 'd'), '--run', join(folder, 'r'), '--socket', join(folder, 's')];
  daemon = spawn(process.execPath, [HULL, 'daemon', ...places], { stdio: 'inherit' });
  const deadline = Date.now() + 15_000;
  while (!existsSync(join(folder, 's'))) {
    if (Date.now() > deadline) throw new Error('the daemon does not listen');
    await Bun.sleep(20);
  }
}, 20_000);

afterAll(async () => {
  if (!found) return;
  const info = JSON.parse(await native('GET', '/hull/v1/info')) as { network: { bridge: string } };
  const exited = new Promise((resolve) => daemon.once('exit', resolve));
  await native('POST', '/hull/v1/shutdown', '{"instances":"stop"}');
  await exited;
  for (const group of globSync(`/sys/fs/cgroup/{,*/}${info.network.bridge}`)) rmdirSync(group);
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

function native(method: string, path: string, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(folder, 's'), method, path }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data.toString()));
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function docker(
  args: readonly string[],
  input = '',
): { code: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${join(folder, 's')}`,
    DOCKER_BUILDKIT: '0',
    DOCKER_CONFIG: folder,
  };
  const { status, stdout, stderr } = spawnSync('docker', args, {
    env,
    input,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { code: status, stdout, stderr };
}

function must(args: readonly string[], input = ''): string {
  const outcome = docker(args, input);
  expect(outcome).toMatchObject({ code: 0 });
  return outcome.stdout;
}

describe.skipIf(!found)('docker on the engine (skipped where docker or busybox is not installed)', () => {
  test('build', () => {
    const context = join(folder, 'context');
    mkdirSync(join(context, 'bin'), { recursive: true });
    spawnSync('cp', ['/bin/busybox', join(context, 'bin')]);
    for (const name of ['sh', 'echo', 'cat', 'sleep', 'true'])
      spawnSync('ln', ['-s', 'busybox', join(context, 'bin', name)]);
    writeFileSync(
      join(context, 'Dockerfile'),
      'FROM scratch\nCOPY bin /bin\nENV PATH=/bin\nRUN echo built\n',
    );
    const output = must(['build', '-t', 'busybox', context]);
    expect(output).toContain('Step 4/4 : RUN echo built');
    expect(output).toContain('\nbuilt\n');
    expect(must(['images', '--format', '{{.Repository}}:{{.Tag}}'])).toBe('busybox:latest\n');
  }, 60_000);

  test('run: streams, input, exit statuses', () => {
    expect(docker(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(must(['run', '--rm', '-i', 'busybox', 'cat'], 'in\n')).toBe('in\n');
    expect(docker(['run', '--rm', 'busybox', 'nosuch']).code).toBe(127);
    expect(docker(['run', '--pull', 'never', 'none', 'true']).code).toBe(125);
    expect(must(['ps', '-aq', '--filter', 'status=running'])).toBe('');
  }, 30_000);

  test('a container’s life', () => {
    must([
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1::80',
      '-v',
      'vol:/data',
      '-m',
      '64m',
      'busybox',
      'sleep',
      '100',
    ]);
    expect(must(['port', 'web'])).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+\n$/);
    expect(must(['exec', '-i', 'web', 'cat'], 'text')).toBe('text');
    expect(docker(['exec', 'web', 'sh', '-c', 'exit 4']).code).toBe(4);
    expect(must(['top', 'web'])).toContain('sleep 100');
    expect(must(['stats', '--no-stream', '--format', '{{.MemUsage}}'])).toEndWith(' / 64MiB\n');
    const address = must(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web']).trim();
    expect(
      must(['network', 'inspect', '-f', '{{range .Containers}}{{.IPv4Address}}{{end}}', 'bridge']),
    ).toStartWith(`${address}/`);
    expect(docker(['volume', 'rm', 'vol']).stderr).toContain('volume is in use');
    must(['kill', 'web']);
    expect(must(['wait', 'web'])).toBe('137\n');
    expect(must(['ps', '-a', '--filter', 'name=web', '--format', '{{.Status}}'])).toStartWith(
      'Exited (137) ',
    );
    must(['rm', 'web']);
    must(['volume', 'rm', 'vol']);
  }, 30_000);

  test('logs and events of what was', () => {
    const since = String(Math.floor(Date.now() / 1000));
    must(['run', '--name', 'talker', 'busybox', 'sh', '-c', 'echo one; echo two']);
    expect(must(['logs', '-n', '1', 'talker'])).toBe('two\n');
    const events = must([
      'events',
      '--since',
      since,
      '--until',
      String(Math.ceil(Date.now() / 1000)),
      '--filter',
      'container=talker',
      '--format',
      '{{.Action}}',
    ]);
    expect(events.split('\n')).toEqual(expect.arrayContaining(['create', 'start', 'die']));
    must(['rm', 'talker']);
  }, 30_000);
});
