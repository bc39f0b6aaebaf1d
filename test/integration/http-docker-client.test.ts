import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from '../../src/http/server.ts';
import { createFakeEngine, type FakeEngine } from '../../src/http/testing/fake-engine.ts';

/** Docker's own client against the HTTP server over an engine in memory: the wire is what is tested. */
const found = spawnSync('docker', ['--version']).status === 0;

let folder: string;
let engine: FakeEngine;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'http-docker-'));
  engine = createFakeEngine();
  server = createServer({ engine, socketPath: join(folder, 's') });
  await server.listen();
});

afterAll(async () => {
  await server.close();
  engine[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function launch(args: readonly string[]): ChildProcess {
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${join(folder, 's')}`,
    DOCKER_BUILDKIT: '0',
    DOCKER_CONFIG: folder,
  };
  return spawn('docker', args, { env, timeout: 20_000 });
}

/** Runs docker in a process of its own: the server answers from this one. */
async function docker(args: readonly string[], input = ''): Promise<Outcome> {
  const child = launch(args);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  child.stdin?.end(input);
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)));
  return { code, stdout, stderr };
}

async function must(args: readonly string[], input = ''): Promise<string> {
  const outcome = await docker(args, input);
  expect(outcome).toMatchObject({ code: 0 });
  return outcome.stdout;
}

describe.skipIf(!found)('docker (skipped where no docker client is installed)', () => {
  test('version and info', async () => {
    const version = JSON.parse(await must(['version', '--format', '{{json .Server}}'])) as Record<
      string,
      unknown
    >;
    expect(version).toMatchObject({
      Version: '0.1.0',
      ApiVersion: '1.51',
      MinAPIVersion: '1.24',
      Os: 'linux',
    });
    const info = await must(['info']);
    expect(info).toContain('Operating System: Debian GNU/Linux 12');
    expect(info).toContain('Isolation sandbox: unavailable: no runsc');
  });

  test('run: output, both streams, exit status, input', async () => {
    expect(await docker(['run', '--rm', 'busybox', 'echo', 'hi'])).toEqual({
      code: 0,
      stdout: 'hi\n',
      stderr: '',
    });
    const both = ['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2'];
    expect(await docker(both)).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(await docker(['run', '--rm', 'busybox', 'sh', '-c', 'exit 7'])).toMatchObject({ code: 7 });
    expect(await must(['run', '--rm', '-i', 'busybox', 'cat'], 'through\nand through\n')).toBe(
      'through\nand through\n',
    );
    expect(engine.instances.list()).toEqual([]);
  });

  test('run: a missing program is 127, a missing image 125', async () => {
    expect(await docker(['run', '--rm', 'busybox', 'nosuch'])).toMatchObject({ code: 127 });
    await must(['rm', '-f', ...engine.instances.list().map(({ config }) => config.id)]);
    const missing = await docker(['run', '--pull', 'never', 'none', 'true']);
    expect(missing.code).toBe(125);
    expect(missing.stderr).toContain('No such image: none');
  });

  test('the life of a container', async () => {
    const id = (
      await must([
        'run',
        '-d',
        '--name',
        'web',
        '-p',
        '8080:80',
        '-v',
        'vol:/data',
        '-l',
        'a=b',
        'busybox',
        'sleep',
        '100',
      ])
    ).trim();
    expect(await must(['ps', '--format', '{{.ID}} {{.Status}} {{.Ports}} {{.Mounts}}'])).toMatch(
      new RegExp(`^${id.slice(0, 12)} Up .* 0.0.0.0:8080->80/tcp vol\\n$`),
    );
    expect(await must(['ps', '-q', '--filter', 'label=a=b', '--filter', 'name=web'])).toBe(
      `${id.slice(0, 12)}\n`,
    );
    expect(await must(['ps', '-q', '--filter', 'label=other'])).toBe('');
    expect(await must(['port', 'web'])).toBe('80/tcp -> 0.0.0.0:8080\n');
    expect(await must(['top', 'web'])).toContain('sleep 100');
    const [inspected] = JSON.parse(await must(['inspect', 'web'])) as Record<string, unknown>[];
    expect(inspected).toMatchObject({
      Id: id,
      Name: '/web',
      Path: 'sleep',
      Args: ['100'],
      State: { Status: 'running', Running: true, ExitCode: 0, FinishedAt: '0001-01-01T00:00:00Z' },
      Config: { Image: 'busybox', Cmd: ['sleep', '100'], Labels: { a: 'b' } },
      HostConfig: {
        Binds: ['vol:/data'],
        PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
        Isolation: 'container',
      },
      Mounts: [{ Type: 'volume', Name: 'vol', Destination: '/data', RW: true }],
      NetworkSettings: { IPAddress: '10.9.0.2', Networks: { bridge: { Gateway: '10.9.0.1' } } },
    });
    expect(await must(['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}} {{.NetIO}}'])).toBe(
      'web 1MiB / 1GiB 1kB / 2kB\n',
    );
    expect(await docker(['rm', 'web'])).toMatchObject({ code: 1 });
    await must(['stop', 'web']);
    expect(await must(['wait', 'web'])).toBe('143\n');
    await must(['start', 'web']);
    await must(['restart', '-t', '0', 'web']);
    await must(['kill', 'web']);
    expect(await must(['ps', '-a', '--format', '{{.Status}}'])).toStartWith('Exited (137) ');
    await must(['rm', 'web']);
  });

  test('exec: output, input, exit status', async () => {
    await must(['run', '-d', '--name', 'target', 'busybox', 'sleep', '100']);
    expect(await must(['exec', 'target', 'echo', 'inside'])).toBe('inside\n');
    expect(await must(['exec', '-i', 'target', 'cat'], 'text')).toBe('text');
    expect(await docker(['exec', 'target', 'sh', '-c', 'exit 3'])).toMatchObject({ code: 3 });
    await must(['exec', '-d', 'target', 'true']);
    await must(['rm', '-f', 'target']);
  });

  test('logs: streams apart, the last lines, with times', async () => {
    await docker(['run', '--name', 'talker', 'busybox', 'sh', '-c', 'echo out; echo err >&2']);
    expect(await docker(['logs', 'talker'])).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    const last = await docker(['logs', '-t', '-n', '1', 'talker']);
    expect(last.stdout).toBe('');
    expect(last.stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z err\n$/);
    await must(['rm', 'talker']);
  });

  test('images: list, inspect, history, tag, remove', async () => {
    expect(await must(['images', '--format', '{{.Repository}}:{{.Tag}} {{.Size}}'])).toContain(
      'busybox:latest 4MB',
    );
    expect(await must(['history', '--format', '{{.CreatedBy}}|{{.Size}}', 'busybox'])).toBe(
      'CMD ["sh"]|0B\nADD busybox|4MB\n',
    );
    await must(['tag', 'busybox', 'localhost:5000/copy:1']);
    expect(await must(['images', '-q', '--filter', 'reference=localhost:5000/*'])).not.toBe('');
    expect(await must(['image', 'inspect', '-f', '{{.Config.Cmd}}', 'localhost:5000/copy:1'])).toBe('[sh]\n');
    expect(await must(['rmi', 'localhost:5000/copy:1'])).toBe('Untagged: localhost:5000/copy:1\n');
  });

  test('build: the classic builder’s stream, and its failure', async () => {
    const context = join(folder, 'context');
    spawnSync('mkdir', ['-p', context]);
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo built\n');
    const output = await must(['build', '-t', 'made', '--build-arg', 'A=now', context]);
    expect(output).toContain('Step 2/2 : RUN echo built');
    expect(output).toContain('built now');
    expect(output).toContain('Successfully tagged made:latest');
    expect(await must(['build', '-q', context])).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN fail\n');
    const failed = await docker(['build', context]);
    expect(failed.code).toBe(3);
    expect(failed.stderr).toContain('returned a non-zero code: 3');
  });

  test('volumes and networks', async () => {
    expect(await must(['volume', 'create', '--label', 'x=y', 'v1'])).toBe('v1\n');
    expect(await must(['volume', 'ls', '-q', '-f', 'name=v1', '-f', 'dangling=true'])).toBe('v1\n');
    await must(['create', '--name', 'user', '-v', 'v1:/v', 'busybox', 'true']);
    await must(['rm', 'user']);
    await must(['volume', 'rm', 'v1']);
    expect(await must(['network', 'ls', '--format', '{{.Name}} {{.Driver}}'])).toBe(
      'bridge bridge\nhost host\nnone null\n',
    );
    expect(await must(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'bridge'])).toBe(
      '10.9.0.0/16\n',
    );
  });

  test('events, live', async () => {
    const child = launch([
      'events',
      '--filter',
      'type=container',
      '--format',
      '{{.Action}} {{.Actor.Attributes.name}}',
    ]);
    let seen = '';
    child.stdout?.on('data', (data: Buffer) => (seen += data.toString()));
    const deadline = Date.now() + 10_000;
    // The client tells nobody when it listens: containers are run until one is seen from its start on.
    while (!/create one\nstart one\n(?:die|destroy) one/.test(seen)) {
      if (Date.now() > deadline) throw new Error(`events were: ${seen}`);
      await docker(['run', '--rm', '--name', 'one', 'busybox', 'true']);
    }
    child.kill();
  });
});
