import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestEngine } from '../support/engine.ts';
import { TestRegistry } from '../support/registry.ts';

/** The whole way: docker's and hull's command lines, a daemon, Debian's registry. */
const engine = new TestEngine();
const credentials = { username: 'me', password: 'secret' };
let open: TestRegistry;
let closed: TestRegistry;

beforeAll(async () => {
  [open, closed] = await Promise.all([
    TestRegistry.start(),
    TestRegistry.start({ password: credentials }),
    engine.start(),
  ]);
  await engine.must(['bootstrap', 'busybox']);
}, 60_000);
afterAll(async () => {
  await engine.destroy();
  await open[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
}, 60_000);

async function docker(args: readonly string[], input?: string): Promise<string> {
  const result = await engine.docker(args, input);
  if (result.code !== 0)
    throw new Error(`docker ${args.join(' ')}: status ${result.code}: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

describe('docker', () => {
  test('pushes, and pulls the same image back', async () => {
    const name = `${open.address}/team/box:1`;
    await docker(['tag', 'busybox', name]);
    const pushed = await docker(['push', name]);
    expect(pushed).toStartWith(`The push refers to repository [${open.address}/team/box]\n`);
    const digest = /1: digest: (sha256:[0-9a-f]{64}) size: \d+\n/.exec(pushed)?.[1] ?? '';
    const id = await docker(['inspect', '-f', '{{.Id}}', name]);
    expect(await docker(['rmi', name])).toBe(
      `Untagged: ${name}\nUntagged: ${open.address}/team/box@${digest}\n`,
    );
    await docker(['rmi', 'busybox']);
    const pulled = await docker(['pull', name]);
    expect(pulled).toMatch(
      new RegExp(
        `^1: Pulling from team/box\n([0-9a-f]{12}): Pulling fs layer\n(?:\\1: .*\n)*\\1: Pull complete\nDigest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n$`,
      ),
    );
    expect(await docker(['pull', name])).toContain(`Status: Image is up to date for ${name}\n`);
    expect(await docker(['inspect', '-f', '{{.Id}} {{.RepoDigests}}', name])).toBe(
      `${id.trim()} [${open.address}/team/box@${digest}]\n`,
    );
    await docker(['tag', name, 'busybox']);
  }, 30_000);

  test('runs and builds from what only the registry has', async () => {
    const name = `${open.address}/only/there`;
    await docker(['tag', 'busybox', name]);
    await docker(['push', '-q', name]);
    await docker(['rmi', name]);
    const run = await engine.docker(['run', '--rm', name, 'echo', 'here']);
    expect([run.code, run.stdout]).toEqual([0, 'here\n']);
    expect(run.stderr).toContain(`Unable to find image '${name}:latest' locally`);
    await docker(['rmi', '-f', name]);
    const built = await docker(
      ['build', '-t', 'derived', '-'],
      `FROM ${name}\nRUN echo made > /made\nCMD ["cat", "/made"]\n`,
    );
    expect(built).toContain('latest: Pulling from only/there');
    expect(built).toMatch(
      /Step 2\/3 : RUN .*\n ---> Running in [0-9a-f]{12}\n ---> Removed intermediate container [0-9a-f]{12}\n ---> /,
    );
    expect(await docker(['run', '--rm', 'derived'])).toBe('made\n');
  }, 60_000);

  test('logs in, and is refused', async () => {
    const name = `${closed.address}/private`;
    await docker(['tag', 'busybox', name]);
    expect((await engine.docker(['push', name])).stderr).toContain('no basic auth credentials');
    const wrong = await engine.docker(['login', '-u', 'me', '--password-stdin', closed.address], 'wrong');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('401 Unauthorized')]);
    expect(await docker(['login', '-u', 'me', '--password-stdin', closed.address], 'secret')).toContain(
      'Login Succeeded',
    );
    await docker(['push', '-q', name]);
    await docker(['pull', '-q', name]);
    await docker(['logout', closed.address]);
    expect((await engine.docker(['pull', name])).code).toBe(1);
  }, 30_000);

  test('hears of what is not there, soon', async () => {
    const missing = await engine.docker(['pull', `${open.address}/nosuch`]);
    expect(missing.stderr).toBe(
      `Error response from daemon: manifest for ${open.address}/nosuch:latest not found: manifest unknown: manifest unknown\n`,
    );
    const nobody = await engine.docker(['pull', '127.0.0.1:1/x']);
    expect(nobody.stderr).toContain('connect: connection refused');
    expect((await engine.docker(['push', `${open.address}/nosuch`])).stderr).toContain(
      `An image does not exist locally with the tag: ${open.address}/nosuch`,
    );
  }, 30_000);

  test('saves, loads, imports, prunes; the events tell it all', async () => {
    const since = String(Math.floor(Date.now() / 1000));
    const archive = join(engine.folder, 'images.tar');
    await docker(['tag', 'busybox', 'kept:1']);
    await docker(['save', '-o', archive, 'kept:1']);
    await docker(['rmi', 'kept:1']);
    expect(await docker(['load', '-i', archive])).toBe('Loaded image: kept:1\n');
    const id = await docker(
      ['import', '-c', 'CMD ["true"]', '-c', 'LABEL part=test', '-', 'made:1'],
      '\0'.repeat(1024),
    );
    expect(id).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(
      await docker(['images', '--filter', 'reference=made*', '--format', '{{.Repository}}:{{.Tag}}']),
    ).toBe('made:1\n');
    expect(await docker(['image', 'prune', '-af', '--filter', 'label=part=test'])).toContain(
      'untagged: made:1\n',
    );
    const told = await docker([
      'events',
      '--since',
      since,
      '--until',
      String(Math.floor(Date.now() / 1000) + 1),
      '--filter',
      'type=image',
      '--format',
      '{{.Action}}',
    ]);
    for (const action of ['tag', 'save', 'untag', 'load', 'import', 'delete', 'prune'])
      expect(told.split('\n')).toContain(action);
    expect((await engine.docker(['load'], 'no archive at all'.repeat(100))).stderr).toContain(
      'invalid archive',
    );
  }, 30_000);
});

describe('hull', () => {
  test('does the same, with credentials of its own', async () => {
    const name = `${closed.address}/own`;
    await engine.must(['tag', 'busybox', name]);
    expect((await engine.hull(['login', '-u', 'me', '--password-stdin', closed.address], 'wrong')).code).toBe(
      1,
    );
    expect(await engine.must(['login', '-u', 'me', '--password-stdin', closed.address], 'secret\n')).toBe(
      'Login Succeeded',
    );
    const kept = readFileSync(join(engine.folder, '.hull/config.json'), 'utf8');
    expect(kept).toContain(closed.address);
    expect(await engine.must(['push', name])).toContain('latest: digest: sha256:');
    await engine.must(['rmi', name]);
    expect(await engine.must(['run', '--rm', name, 'echo', 'pulled'])).toBe('pulled');
    expect((await engine.hull(['run', '--rm', '--pull', 'never', `${name}:other`, 'true'])).code).toBe(125);
    expect(await engine.must(['pull', '-q', name])).toBe(`${name}:latest`);
    expect(await engine.must(['logout', closed.address])).toContain('Removing login credentials');
    expect((await engine.hull(['pull', name])).code).toBe(1);
    expect(await engine.must(['history', '--format', '{{.CreatedBy}}', name])).toBe('hull bootstrap');
    const archive = join(engine.folder, 'own.tar');
    await engine.must(['save', '-o', archive, name]);
    expect(await engine.must(['load', '-i', archive])).toBe(`Loaded image: ${name}:latest`);
    expect(await engine.must(['search', `${open.address}/team`])).toContain(`${open.address}/team/box`);
  }, 60_000);

  test('.dockerignore holds for every client: the engine applies it', async () => {
    const folder = join(engine.folder, 'context');
    mkdirSync(folder);
    writeFileSync(join(folder, 'Dockerfile'), 'FROM busybox\nCOPY . /all\nCMD ["ls", "/all"]\n');
    writeFileSync(join(folder, '.dockerignore'), 'secret\n');
    for (const name of ['secret', 'public']) writeFileSync(join(folder, name), name);
    const tar = await engine.host.exec.run(['tar', '-C', folder, '-c', '.']);
    await docker(['build', '-t', 'ignoring', '-'], tar.stdout);
    expect(await docker(['run', '--rm', 'ignoring'])).toBe('Dockerfile\npublic\n');
  }, 60_000);
});
