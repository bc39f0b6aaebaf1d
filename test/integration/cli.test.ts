import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import {
  type CliFixture,
  collect,
  ended,
  HULL,
  type Outcome,
  startCli,
  until,
} from './support/cli-fixture.ts';

let cli: CliFixture;
let hull: CliFixture['hull'];
let must: CliFixture['must'];

beforeAll(async () => {
  cli = await startCli();
  ({ hull, must } = cli);
});

afterEach(() => cli.removeInstances());

afterAll(() => cli[Symbol.asyncDispose]());

describe('run', () => {
  test('prints what the workload prints and ends as it does', async () => {
    expect(await hull(['run', '--rm', 'busybox', 'echo', 'hi'])).toEqual({
      code: 0,
      stdout: 'hi\n',
      stderr: '',
    });
    const both = ['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2'];
    expect(await hull(both)).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(await hull(['run', '--rm', 'busybox', 'sh', '-c', 'exit 7'])).toEqual({
      code: 7,
      stdout: '',
      stderr: '',
    });
    expect(cli.engine.instances.list()).toEqual([]);
  });

  test('passes a megabyte through, every byte', async () => {
    const text = 'all of it comes through\n'.repeat(43_690);
    expect((await must(['run', '--rm', '-i', 'busybox', 'cat'], text)).length).toBe(text.length);
  });

  test('port tells where ports are published', async () => {
    await must([
      'run',
      '-d',
      '--name',
      'ports',
      '-p',
      '127.0.0.1::81/udp',
      '-p',
      '127.0.0.1::80',
      'busybox',
      'sleep',
      '60',
    ]);
    const [tcp = '', udp = ''] = (await must(['port', 'ports'])).trim().split('\n');
    expect(tcp).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+$/);
    expect(udp).toMatch(/^81\/udp -> 127\.0\.0\.1:\d+$/);
    expect(await must(['port', 'ports', '80'])).toBe(`${tcp.slice('80/tcp -> '.length)}\n`);
    expect(await hull(['port', 'ports', '82'])).toMatchObject({
      code: 1,
      stderr: 'hull: ports does not publish port 82/tcp\n',
    });
  });

  test('127 for a missing program, 125 for a missing image, both with what to do', async () => {
    const program = await hull(['run', '--rm', 'busybox', 'nosuch']);
    expect(program.code).toBe(127);
    expect(program.stderr).toStartWith('hull: ');
    const image = await hull(['run', 'none', 'true']);
    expect(image.code).toBe(125);
    expect(image.stderr).toContain("Unable to find image 'none:latest' locally");
    expect(image.stderr).toContain('hull: manifest for none:latest not found');
  });

  test('-d prints the id, --cidfile writes it, and not twice', async () => {
    const file = join(cli.folder, 'id');
    const id = (
      await must(['run', '-d', '--cidfile', file, '--name', 'web', 'busybox', 'sleep', '100'])
    ).trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const again = await hull(['run', '-d', '--cidfile', file, 'busybox', 'true']);
    expect(again.code).toBe(125);
    expect(again.stderr).toContain('remove the file or choose another');
    const taken = await hull(['run', '-d', '--name', 'web', 'busybox', 'true']);
    expect(taken.code).toBe(125);
    expect(taken.stderr).toContain('already in use');
  });

  test('a signal goes to the workload, whose exit status is the command’s', async () => {
    const child = cli.launch(['run', '--rm', '--name', 'target', 'busybox', 'sleep', '100']);
    const code = ended(child);
    await until(() => cli.engine.instances.list().some(({ status }) => status.state === 'running'));
    child.kill('SIGTERM');
    expect(await code).toBe(143);
  });

  test('a reader that goes away ends the command quietly', async () => {
    const child = cli.launch(['run', '--rm', 'busybox', 'flood']);
    const output = collect(child);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended(child)).toBe(0);
    expect(output.stderr).toBe('');
  });

  test('isolation, limits and mounts reach the engine', async () => {
    await must([
      'create',
      '--name',
      'x',
      '--isolation',
      'vm',
      '-m',
      '64m',
      '--cpus',
      '0.5',
      '-v',
      'vol:/data:ro',
      '-p',
      '1812:1812/udp',
      'busybox',
    ]);
    expect(cli.engine.instances.get('x').config).toMatchObject({
      isolation: 'vm',
      resources: { memory: 64 << 20, nanoCpus: 5e8 },
      ports: [{ protocol: 'udp', containerPort: 1812, hostPort: 1812 }],
      mounts: [{ target: '/data', readOnly: true }],
    });
  });
});

/** `hull` on a terminal that `script` makes; what is typed comes piece by piece. */
async function onTerminal(
  args: readonly string[],
  typed: readonly (string | ((output: { readonly stdout: string }) => Promise<void>))[],
): Promise<Outcome> {
  const line = [...HULL, ...args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const child = spawn('script', ['-qefc', line, '/dev/null'], { env: cli.environment, timeout: 20_000 });
  const output = collect(child);
  const code = ended(child);
  for (const step of typed) {
    if (typeof step === 'string') child.stdin?.write(step);
    else await step(output);
  }
  return { code: await code, ...output };
}

describe('on a terminal', () => {
  test('-it: what is typed reaches the workload raw; the detach keys leave it running', async () => {
    const shown = (text: string) => (output: { readonly stdout: string }) =>
      until(() => output.stdout.includes(text));
    const typed = [cli.running, 'abc\r', shown('abc'), 'x\u0010', '\u0011'];
    expect(await onTerminal(['run', '-it', '--name', 'shell', 'busybox', 'cat'], typed)).toMatchObject({
      code: 0,
    });
    expect(cli.engine.instances.get('shell').status.state).toBe('running');
  });

  test('the terminal is as before afterwards', async () => {
    const script = `stty -a >before; '${HULL[0]}' '${HULL[1]}' run -it busybox cat; stty -a >after; cmp before after && echo same`;
    const child = spawn('script', ['-qefc', script, '/dev/null'], {
      env: cli.environment,
      cwd: cli.folder,
      timeout: 20_000,
    });
    const output = collect(child);
    await cli.running();
    child.stdin?.write('\u0010\u0011');
    await until(() => output.stdout.includes('same') || output.stdout.includes('differ'));
    child.stdin?.end();
    expect(await ended(child)).toBe(0);
    expect(output.stdout).toContain('same');
  });

  test('-t without a terminal is refused', async () => {
    expect(await hull(['run', '-it', 'busybox', 'cat'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'hull: the input device is not a TTY\n',
    });
  });
});

describe('instances', () => {
  test('listing, inspecting, logs, top, stats', async () => {
    const id = (
      await must(['run', '-d', '--name', 'web', '-p', '8080:80', '-l', 'a=b', 'busybox', 'sleep', '100'])
    ).trim();
    const short = id.slice(0, 12);
    const [header, row] = (await must(['ps'])).split('\n');
    expect(header).toMatch(/^CONTAINER ID {3}IMAGE {5}COMMAND {7}CREATED {3,}STATUS {4,}PORTS {18}NAMES$/);
    expect(row).toMatch(new RegExp(`^${short} .*"sleep 100".* Up .*0.0.0.0:8080->80/tcp.*web$`));
    expect(await must(['container', 'ls', '-q', '--filter', 'label=a=b'])).toBe(`${short}\n`);
    expect(await must(['ps', '--format', '{{.Names}} {{.Isolation}} {{.Label "a"}}'])).toBe(
      'web container b\n',
    );
    expect(JSON.parse(await must(['ps', '--format', 'json']))).toMatchObject({
      ID: short,
      Names: 'web',
      State: 'running',
    });
    expect(
      await must([
        'inspect',
        '-f',
        '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}} {{.Config.Cmd}}',
        'web',
      ]),
    ).toBe('8080 [sleep 100]\n');
    expect(JSON.parse(await must(['inspect', 'web']))).toMatchObject([{ Id: id, Name: '/web' }]);
    expect(await must(['top', 'web'])).toContain('sleep 100');
    expect(await must(['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}} {{.NetIO}}'])).toBe(
      'web 1MiB / 1GiB 1kB / 2kB\n',
    );
    const missing = await hull(['inspect', 'web', 'nosuch']);
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stdout)).toHaveLength(1);
    expect(missing.stderr).toContain('nosuch');
  });

  test('stop, start, restart, kill, wait, rm', async () => {
    await must(['run', '-d', '--name', 'web', 'busybox', 'sleep', '100']);
    expect(await hull(['rm', 'web'])).toMatchObject({ code: 1, stdout: '' });
    expect(await must(['stop', '-t', '1', 'web'])).toBe('web\n');
    expect(await must(['wait', 'web'])).toBe('143\n');
    expect(await must(['start', 'web'])).toBe('web\n');
    expect(await must(['restart', '-t', '0', 'web'])).toBe('web\n');
    expect(await must(['kill', '-s', 'KILL', 'web'])).toBe('web\n');
    expect(await must(['ps', '-a', '--format', '{{.Status}}'])).toStartWith('Exited (137)');
    const several = await hull(['rm', 'nosuch', 'web']);
    expect(several).toMatchObject({ code: 1, stdout: 'web\n' });
    expect(several.stderr).toStartWith('hull: ');
    expect(await hull(['rm', '-f', 'nosuch'])).toMatchObject({ code: 0, stdout: '' });
  });

  test('exec: output, input, exit status', async () => {
    await must(['run', '-d', '--name', 'web', 'busybox', 'sleep', '100']);
    expect(await must(['exec', 'web', 'echo', 'inside'])).toBe('inside\n');
    expect(await must(['exec', '-i', 'web', 'cat'], 'text')).toBe('text');
    expect(await hull(['exec', 'web', 'sh', '-c', 'exit 3'])).toMatchObject({ code: 3 });
    expect(await must(['exec', '-d', 'web', 'true'])).toBe('');
    expect(await hull(['exec', 'nosuch', 'true'])).toMatchObject({ code: 1 });
  });

  test('start -a and logs', async () => {
    await must(['create', '--name', 'talker', 'busybox', 'sh', '-c', 'echo out; echo err >&2']);
    expect(await hull(['start', '-a', 'talker'])).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(await hull(['logs', 'talker'])).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect((await hull(['logs', '-t', '-n', '1', 'talker'])).stderr).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z err\n$/,
    );
  });

  test('start -ai: the input’s end ends the workload', async () => {
    await must(['create', '-i', '--name', 'cat', 'busybox', 'cat']);
    expect(await hull(['start', '-ai', 'cat'], 'typed later\n')).toEqual({
      code: 0,
      stdout: 'typed later\n',
      stderr: '',
    });
  });

  test('attach follows a running workload to its end', async () => {
    await must(['run', '-d', '-i', '--name', 'cat', 'busybox', 'cat']);
    const child = cli.launch(['attach', 'cat']);
    const output = collect(child);
    const code = ended(child);
    child.stdin?.write('typed later\n');
    await until(() => output.stdout === 'typed later\n');
    await must(['stop', 'cat']);
    expect(await code).toBe(143);
    const over = await hull(['attach', 'cat']);
    expect(over.stderr).toContain('hull start cat');
  });
});
