import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliFixture, startCli } from './support/cli-fixture.ts';

let cli: CliFixture;
let hull: CliFixture['hull'];
let must: CliFixture['must'];

beforeAll(async () => {
  cli = await startCli();
  ({ hull, must } = cli);
});

afterEach(() => cli.removeInstances());

afterAll(() => cli[Symbol.asyncDispose]());

describe('images and the engine', () => {
  test('images, tag, rmi, image inspect', async () => {
    expect(await must(['images', '--format', 'table {{.Repository}}\\t{{.Size}}'])).toBe(
      'REPOSITORY   SIZE\nbusybox      4MB\n',
    );
    await must(['tag', 'busybox', 'localhost:5000/copy:1']);
    expect(await must(['image', 'inspect', '-f', '{{.Config.Cmd}}', 'localhost:5000/copy:1'])).toBe('[sh]\n');
    expect(await must(['rmi', 'localhost:5000/copy:1'])).toBe('Untagged: localhost:5000/copy:1\n');
    expect(await hull(['rmi', 'nosuch'])).toMatchObject({ code: 1, stdout: '' });
  });

  test('build: from a folder, quietly, from stdin, and its failure', async () => {
    const context = join(cli.folder, 'context');
    mkdirSync(join(context, 'sub'), { recursive: true });
    symlinkSync('sub', join(context, 'link'));
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo built\n');
    expect(await must(['build', '-t', 'made', '--build-arg', 'A=now', context])).toContain(
      'Successfully tagged made:latest',
    );
    expect(await must(['build', '-q', context])).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await must(['build', '-'], 'FROM busybox\nRUN echo from stdin\n')).toContain('from stdin');
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nRUN fail\n');
    const failed = await hull(['build', context]);
    expect(failed.code).toBe(3);
    expect(failed.stderr).toStartWith('hull: ');
    expect((await hull(['build', join(cli.folder, 'nosuch')])).stderr).toContain('is not a folder');
    expect((await hull(['build', '-f', 'nosuch', context])).stderr).toContain('there is no blueprint');
  });

  test('events: past ones, in order, and as JSON', async () => {
    await must(['run', '--rm', '--name', 'short', 'busybox', 'true']);
    const lines = (await must(['events', '--since', '1m', '--until', '0s', '--filter', 'container=short']))
      .trim()
      .split('\n');
    expect(lines.map((line) => line.split(' ')[2])).toContain('start');
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) container \w+ [0-9a-f]{64} \(.*name=short.*\)$/,
    );
    const [json = ''] = (await must(['events', '--since', '1m', '--until', '0s', '--format', 'json'])).split(
      '\n',
    );
    expect(JSON.parse(json)).toMatchObject({ Type: expect.any(String), Action: expect.any(String) });
  });

  test('version, info, check, machines', async () => {
    expect(await must(['version', '--format', '{{.Server.ApiVersion}}'])).toBe('1.51\n');
    expect((await hull(['info'])).stdout).toContain('sandbox: not available: no runsc');
    expect((await hull(['check'])).stdout).not.toBe('');
    expect(await must(['machine', 'ls', '-q'])).toBe('');
    expect(await hull(['machine', 'inspect', 'nosuch'])).toMatchObject({ code: 1 });
  });

  test('bootstrap says how far it is, on standard error', async () => {
    const outcome = await hull(['bootstrap', 'debian:bookworm-slim']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(outcome.stderr).not.toBe('');
  });
});
