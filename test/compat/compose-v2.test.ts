import { beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { Running, type Finished } from './support/command.ts';
import { suiteEngine } from './support/suite.ts';

const PLUGIN = join(import.meta.dir, '../../.cache/tools/cli-plugins/docker-compose');
const LONG = 60_000;
const { engine, docker } = suiteEngine();
const project = join(engine.folder, 'project');
const MISSING = existsSync(PLUGIN)
  ? ''
  : ' (skipped: the plugin could not be downloaded when this was set up)';

/** `docker compose`, the plugin of Debian 13, without a terminal. */
function compose(args: readonly string[], input = ''): Promise<Finished> {
  const flags = ['--ansi', 'never', '--progress', 'plain'];
  return docker.run(['compose', ...flags, ...args], { cwd: project, timeout: LONG, input });
}

async function must(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await compose(args, input);
  if (code !== 0) throw new Error(`docker compose ${args.join(' ')}: ${stderr}${stdout}`.slice(-3000));
  return stdout.trim();
}

const lines = (text: string): string[] => text.split('\n').toSorted();
const stateOf = (name: string) => docker.inspect(name, '{{.State.Status}} {{.State.ExitCode}}');

async function page(): Promise<string> {
  const address = await must(['port', 'web', '8080']);
  return (await fetch(`http://${address}/`, { headers: { connection: 'close' } })).text();
}

beforeAll(() => {
  cpSync(join(import.meta.dir, 'project-v2'), project, { recursive: true });
  mkdirSync(join(engine.folder, 'cli-plugins'));
  if (MISSING === '') symlinkSync(PLUGIN, join(engine.folder, 'cli-plugins/docker-compose'));
});

describe.skipIf(MISSING !== '')(`docker compose, version 2${MISSING}`, () => {
  test('config, and build by the classic builder', async () => {
    expect(await must(['version', '--short'])).toMatch(/^2\./);
    expect(lines(await must(['config', '--services']))).toEqual(['cache', 'database', 'migrate', 'web']);
    expect(await must(['build'])).toContain('Successfully tagged fleet-web:latest');
  });

  test(
    'up --wait: health, completion and start of what a service depends on',
    async () => {
      await must(['up', '-d', '--wait']);
      expect(await stateOf('fleet-migrate-1')).toBe('exited 0');
      expect(await docker.inspect('fleet-web-1', '{{.State.Health.Status}}')).toBe('healthy');
      expect(await page()).toBe('built hello\n');
      // Written by what had to be complete before.
      expect(await must(['exec', '-T', 'database', 'cat', '/data/migrated'])).toBe('migrated');
      expect(await must(['exec', '-T', 'web', 'cat', '/run/secrets/token', '/etc/app.conf'])).toBe(
        'hush\nsetting=1',
      );
      expect(await must(['exec', '-T', 'web', 'nslookup', 'db'])).toContain('10.185.0.77');
    },
    LONG,
  );

  test('ps, ls, images, top, stats, logs', async () => {
    const states = await must(['ps', '-a', '--format', '{{.Service}} {{.State}} {{.Health}}']);
    expect(lines(states)).toEqual([
      'cache running ',
      'database running healthy',
      'migrate exited ',
      'web running healthy',
    ]);
    const web = JSON.parse(await must(['ps', '--format', 'json', 'web'])) as Record<string, unknown>;
    expect(web).toMatchObject({
      Name: 'fleet-web-1',
      Image: 'fleet-web',
      Project: 'fleet',
      State: 'running',
    });
    expect(web['Publishers']).toMatchObject([{ URL: '127.0.0.1', TargetPort: 8080, Protocol: 'tcp' }]);
    expect(JSON.parse(await must(['ls', '--format', 'json']))).toMatchObject([
      { Name: 'fleet', Status: 'running(3)' },
    ]);
    expect(await must(['images'])).toMatch(/fleet-web-1 +fleet-web +latest/);
    expect(await must(['top', 'cache'])).toContain('sleep 1000');
    expect(await must(['stats', '--no-stream'])).toMatch(/fleet-cache-1 .*\/ 64MiB/);
    expect(await must(['logs', '--no-color', 'database'])).toContain('database-1  | database starts');
  });

  test('exec and run: status, input, terminal, profile', async () => {
    expect((await compose(['exec', '-T', 'web', 'sh', '-c', 'exit 9'])).code).toBe(9);
    expect(await must(['exec', '-T', 'cache', 'cat'], 'to exec')).toBe('to exec');
    expect(await must(['run', '--rm', '-T', '--no-deps', 'cache', 'cat'], 'to run')).toBe('to run');
    const tty = docker.startOnTerminal(
      ['compose', 'exec', '-e', 'A=b', 'web', 'sh', '-c', 'tty; echo $A; exit 4'],
      { cwd: project },
    );
    expect(await tty.finished).toMatchObject({ code: 4, stdout: expect.stringMatching(/pts\/\d+\r\nb/) });
    expect(await must(['run', '--rm', '-T', 'tool'])).toContain('0% packet loss');
    expect(await docker.must(['ps', '-aq', '-f', 'label=com.docker.compose.oneoff=True'])).toBe('');
  });

  test('cp in and out', async () => {
    await must(['cp', 'secret.txt', 'web:/tmp/']);
    await must(['cp', 'web:/tmp/secret.txt', 'copy.txt']);
    expect(readFileSync(join(project, 'copy.txt'), 'utf8')).toBe('hush\n');
  });

  test(
    'scale, pause, restart, kill, stop, start',
    async () => {
      await must(['up', '-d', '--scale', 'cache=3', '--no-recreate']);
      expect(lines(await must(['ps', '-q', 'cache']))).toHaveLength(3);
      await must(['scale', 'cache=1']);
      expect(lines(await must(['ps', '-q', 'cache']))).toHaveLength(1);
      await must(['pause', 'cache']);
      expect(await stateOf('fleet-cache-1')).toBe('paused 0');
      await must(['unpause', 'cache']);
      await must(['restart', '-t', '1', 'cache']);
      await must(['kill', 'web']);
      expect(await stateOf('fleet-web-1')).toBe('exited 137');
      await must(['stop', '-t', '1']);
      expect(await docker.must(['ps', '-q'])).toBe('');
      await must(['start']);
      await until('the page', () => page().catch(() => null));
    },
    LONG,
  );

  test('a change recreates; a service with an address of its own keeps it each time', async () => {
    const id = () => docker.inspect('fleet-cache-1', '{{.Id}}');
    const before = await id();
    writeFileSync(join(project, 'over.yml'), "services: { cache: { environment: { CHANGED: 'yes' } } }\n");
    await must(['-f', 'compose.yml', '-f', 'over.yml', 'up', '-d', '--no-deps', 'cache']);
    expect(await id()).not.toBe(before);
    for (let round = 0; round < 3; round++)
      await must(['up', '-d', '--no-deps', '--force-recreate', 'database']);
    expect(await must(['exec', '-T', 'database', 'cat', '/data/migrated'])).toBe('migrated');
  });

  test('events, and logs that are followed from before the first start', async () => {
    await must(['rm', '-f', '-s', 'cache']);
    await must(['create', '--no-recreate', 'cache']);
    expect(await must(['logs', '-f', '--no-color', 'cache'])).toBe('');
    const events = docker.start(['compose', 'events', 'cache'], { cwd: project });
    await Bun.sleep(300);
    await must(['start', 'cache']);
    await events.said(/container start [0-9a-f]{64}.*name=fleet-cache-1/);
    events.kill('SIGTERM');
    await events.finished;
  });

  test(
    'in the foreground: Ctrl-C stops everything, and so does the end of one',
    async () => {
      await must(['stop', '-t', '1']);
      const env = docker.environment;
      const up = new Running([PLUGIN, '--ansi', 'never', 'up', '-t', '1'], { cwd: project, env });
      await up.said(/database-1 +\| database starts/);
      await until('web', async () => ((await stateOf('fleet-web-1')) === 'running 0' ? true : null));
      up.kill('SIGINT');
      const ended = await up.finished;
      expect(ended.stdout + ended.stderr).toContain('Gracefully stopping...');
      expect(ended).toMatchObject({ code: 130, stderr: expect.not.stringContaining('panic') });
      expect(await docker.must(['ps', '-q'])).toBe('');
      const quick = ['-f', 'quick.yml', 'up', '--abort-on-container-exit', '--exit-code-from', 'one'];
      expect(await compose(quick)).toMatchObject({ code: 7, stdout: expect.stringContaining('first') });
      await must(['-f', 'quick.yml', 'down', '-t', '0']);
    },
    LONG,
  );

  test('down -v --remove-orphans takes everything with it', async () => {
    const labels = ['project=fleet', 'service=gone', 'oneoff=False', 'config-hash=0'].flatMap((label) => [
      '--label',
      `com.docker.compose.${label}`,
    ]);
    const orphan = ['-d', '--network', 'fleet_back', '--stop-signal', 'KILL', ...labels];
    await docker.must(['run', ...orphan, 'busybox', 'sleep', '1000']);
    await must(['down', '-v', '--remove-orphans', '-t', '1']);
    expect(await docker.must(['ps', '-aq'])).toBe('');
    expect(await docker.must(['volume', 'ls', '-q'])).toBe('');
    expect(await docker.must(['network', 'ls', '-q', '-f', 'type=custom'])).toBe('');
  });
});
