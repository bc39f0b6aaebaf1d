import { describe, expect, test } from 'bun:test';
import { suiteEngine } from './support/suite.ts';

/** Corners of docker's command line that everybody comes by some day. */
const { engine, docker } = suiteEngine({ tidy: true });

describe('build', () => {
  const build = (blueprint: string, ...options: string[]) =>
    docker.must(['build', ...options, '-'], { input: blueprint });

  test('says what the image stands on after every step, also those that change no file', async () => {
    const text = await build('FROM busybox\nENV A=1\nARG Z\nRUN echo x >/x\nUSER 1\nCMD ["x"]');
    const [, ...steps] = text.split(/^Step \d+\/6 : .*$/m);
    const ids = steps.map((step) => /^ ---> ([0-9a-f]{12})$/m.exec(step)?.[1]);
    const [base, , , made] = ids;
    expect(base).toBeString();
    expect(made).not.toBe(base);
    expect(ids).toEqual([base, base, base, made, made, made]);
  });

  test('tells the stages apart, which are built side by side', async () => {
    const text = await build(
      'FROM busybox AS a\nRUN echo x >/x\nENV A=1\nFROM busybox\nLABEL l=m\nCOPY --from=a /x /y\nUSER 1',
    );
    const of = (step: string): string | undefined =>
      new RegExp(`^Step \\d/7 : ${step}.*\\n(?: ---> (?:R.*)\\n)* ---> ([0-9a-f]{12})$`, 'm').exec(text)?.[1];
    expect(of('LABEL')).toBe(of('FROM busybox AS'));
    expect(of('ENV')).toBe(of('RUN'));
    expect(of('USER')).toBe(of('COPY'));
    expect(new Set([of('LABEL'), of('ENV'), of('USER')]).size).toBe(3);
  });

  test('--cgroup-parent is where the steps are run', async () => {
    const parent = `hull-corners-${process.pid}`;
    // Seen from inside, a group is the root: its name shows in what the kernel tells of a mount.
    const options = ['--cgroup-parent', `/${parent}`, '--no-cache'];
    const text = await build('FROM busybox\nRUN grep -m1 -o cgroup /proc/self/mountinfo', ...options);
    expect(text).toContain('Successfully built');
    const found = Bun.spawnSync(['find', '/sys/fs/cgroup', '-maxdepth', '2', '-name', parent]);
    const groups = found.stdout.toString().trim().split('\n').filter(Boolean);
    for (const group of groups.toReversed()) Bun.spawnSync(['rmdir', group]);
    expect(groups.length).toBeGreaterThan(0);
    expect(
      await docker.refused(['build', '--cgroup-parent', '../x', '-'], { input: 'FROM busybox' }),
    ).toContain('invalid cgroup parent');
  });

  test('the cache is pruned by time and size, and by system prune --filter', async () => {
    // A build that fails leaves its steps to the cache alone.
    const input = 'FROM busybox\nRUN echo cached >/c\nRUN false';
    const cached = async () => (await docker.run(['build', '-'], { input })).stdout.includes('Using cache');
    expect(await cached()).toBe(false);
    await docker.must(['builder', 'prune', '-af', '--filter', 'until=1h']);
    await docker.must(['builder', 'prune', '-af', '--keep-storage', '1GB']);
    await docker.must(['system', 'prune', '-f', '--filter', 'until=1h']);
    await docker.must(['system', 'prune', '-f', '--filter', 'label=nobody-has-this']);
    await engine.must(['builder', 'prune', '-a', '--filter', 'until=1h', '--keep-storage', '1m']);
    expect(await cached()).toBe(true);
    await docker.must(['system', 'prune', '-f', '--filter', 'label!=nobody-has-this']);
    expect(await cached()).toBe(false);
    expect(await docker.refused(['builder', 'prune', '-f', '--filter', 'colour=red'])).toContain(
      "invalid filter 'colour'",
    );
  });
});

describe('what cannot be', () => {
  test('a command that is run aside and cannot be run is told', async () => {
    await docker.must(['run', '-d', '--name', 'aside', 'busybox', 'sleep', '1000']);
    expect(await docker.refused(['exec', '-d', 'aside', 'nosuch'])).toContain(
      'exec: "nosuch": executable file not found in $PATH',
    );
    expect(await docker.refused(['exec', '-d', '-w', '/nosuch', 'aside', 'true'])).toContain(
      'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory',
    );
    expect((await docker.run(['exec', 'aside', ''])).code).toBe(127);
    expect(await docker.refused(['exec', '--detach-keys', 'foo', 'aside', 'true'])).toContain(
      'Invalid escape keys (foo) provided',
    );
    await docker.must(['exec', '-d', 'aside', 'true']);
    await docker.must(['rm', '-f', 'aside']);
  });

  test('an empty command, a user too large, a driver that is not there', async () => {
    const run = (...args: string[]) => docker.refused(['run', '--rm', ...args]);
    expect(await run('busybox', '')).toMatch(/^127: .*exec: "": executable file not found in \$PATH/s);
    expect(await run('-u', '99999999999', 'busybox', 'id')).toContain('uids and gids must be in range');
    const create = { Image: 'busybox', Volumes: { '/v': {} }, HostConfig: { VolumeDriver: 'nosuch' } };
    const answer = await post('/containers/create', create);
    expect([answer.status, await answer.text()]).toEqual([
      404,
      expect.stringContaining('error looking up volume plugin nosuch'),
    ]);
  });

  test('names that no image can have are wrong, not missing', async () => {
    for (const name of ['Not Valid', 'BAD', 'a b', 'x@y']) {
      const answer = await post('/containers/create', { Image: name });
      expect([name, answer.status, await answer.text()]).toEqual([
        name,
        400,
        expect.stringContaining('invalid reference format'),
      ]);
    }
    expect(await docker.refused(['rmi', 'BAD'])).toContain(
      'invalid reference format: repository name (library/BAD) must be lowercase',
    );
    for (const name of ['0123456789ab', `sha256:${'0'.repeat(64)}`, '0'.repeat(64)])
      expect(await docker.refused(['rmi', name])).toContain('No such image');
    expect(await docker.refused(['tag', 'busybox', 'sha256:abc'])).toContain(
      'refusing to create an ambiguous tag using digest algorithm as name',
    );
    expect(await docker.refused(['inspect', 'a b'])).toMatch(/No such object|invalid reference format/i);
  });

  test('an image of another platform', async () => {
    for (const command of [['image', 'inspect'], ['history']]) {
      await docker.must([
        ...command,
        '--platform',
        `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
        'busybox',
      ]);
      expect(await docker.refused([...command, '--platform', 'linux/riscv64', 'busybox'])).toContain(
        'does not provide the specified platform (linux/riscv64)',
      );
    }
  });

  const post = (path: string, body: object) =>
    fetch(`http://docker/v1.44${path}`, {
      method: 'POST',
      unix: engine.url.replace('unix://', ''),
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
});
