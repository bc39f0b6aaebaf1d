import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suiteEngine } from './support/suite.ts';

const { engine, docker } = suiteEngine({ tidy: true });

/** A folder with a blueprint and other files. */
function context(files: Readonly<Record<string, string>>): string {
  const folder = join(engine.folder, `context-${contexts.length}`);
  contexts.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
const contexts: string[] = [];
afterAll(() => contexts.splice(0));

describe('build', () => {
  test('steps, ids, tags', async () => {
    const folder = context({
      Dockerfile: 'FROM busybox\nARG WHO=nobody\nRUN echo hi $WHO > /f\nCMD ["cat", "/f"]\n',
    });
    const result = await docker.run([
      'build',
      '-t',
      'made:1',
      '-t',
      'made:2',
      '--build-arg',
      'WHO=you',
      folder,
    ]);
    expect(result.stderr).not.toContain('rror response');
    expect(result.stdout).toContain('Sending build context to Docker daemon');
    expect(result.stdout).toMatch(
      /Step 1\/4 : FROM busybox\n ---> [0-9a-f]{12}\nStep 2\/4 : ARG WHO=nobody\n/,
    );
    expect(result.stdout).toMatch(
      /Successfully built [0-9a-f]{12}\nSuccessfully tagged made:1\nSuccessfully tagged made:2\n$/,
    );
    expect(await docker.must(['run', '--rm', 'made:2'])).toBe('hi you');
    const again = await docker.must(['build', '-t', 'made:1', '--build-arg', 'WHO=you', folder]);
    expect(again).toContain(' ---> Using cache');
  });

  test('-q prints the id alone; --iidfile writes it', async () => {
    const folder = context({ Dockerfile: 'FROM busybox\nLABEL a=b\n' });
    const file = join(engine.folder, 'iid');
    const id = await docker.must(['build', '-q', '--iidfile', file, folder]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await Bun.file(file).text()).trim()).toBe(id);
  });

  test('-f, --target, --label, .dockerignore, input from a pipe', async () => {
    const folder = context({
      'sub/Other': 'FROM busybox AS one\nCOPY . /c\nRUN ls /c > /list\nFROM one AS two\nRUN false\n',
      '.dockerignore': 'secret\n',
      secret: 's',
      open: 'o',
    });
    await docker.must([
      'build',
      '-t',
      'targeted',
      '-f',
      join(folder, 'sub/Other'),
      '--target',
      'one',
      '--label',
      'l=m',
      folder,
    ]);
    expect(await docker.must(['run', '--rm', 'targeted', 'cat', '/list'])).toBe('open\nsub');
    expect(await docker.inspect('targeted', '{{index .Config.Labels "l"}}', 'image')).toBe('m');
    const piped = await docker.run(['build', '-t', 'piped', '-'], { input: 'FROM busybox\nENV X=1\n' });
    expect(piped.stdout).toContain('Successfully tagged piped:latest');
    // The client adds such a blueprint to the context and leaves the archive open-ended.
    const blueprint = 'FROM busybox\nCOPY . /all\nUSER 1000\nCMD ls -A /all\n';
    await docker.must(['build', '-q', '-t', 'aside', '-f', '-', folder], { input: blueprint });
    expect(await docker.must(['run', '--rm', 'aside'])).toContain('open');
  });

  test('a step that fails, a blueprint that is none', async () => {
    const failing = context({ Dockerfile: 'FROM busybox\nRUN echo before; exit 3\n' });
    const refusal = await docker.run(['build', failing]);
    expect(refusal.code).toBe(3);
    expect(refusal.stdout).toContain('before');
    expect(refusal.stderr).toContain(
      "The command '/bin/sh -c echo before; exit 3' returned a non-zero code: 3",
    );
    expect((await docker.run(['build', '-q', failing])).code).toBe(3);
    const wrong = context({ Dockerfile: 'FROM busybox\nNOSUCH x\n' });
    expect(await docker.refused(['build', wrong])).toMatch(/unknown instruction:? "?NOSUCH/);
    expect(await docker.refused(['build', '-f', join(wrong, 'absent'), wrong])).toContain('Dockerfile');
    expect(await docker.refused(['build', '-'], { input: '' })).toMatch(/Dockerfile.*(empty|no instruction)/);
  });
});

describe('images', () => {
  test('list: columns, filters, order', async () => {
    await docker.must(['tag', 'busybox', 'registry.test:5000/team/copy:v1']);
    const row = '{{.Repository}}:{{.Tag}}';
    const all = (await docker.must(['images', '--format', row])).split('\n');
    expect(all).toContain('busybox:latest');
    expect(all).toContain('registry.test:5000/team/copy:v1');
    expect(await docker.must(['images', '--format', row, 'registry.test:5000/team/copy'])).toBe(
      'registry.test:5000/team/copy:v1',
    );
    expect(await docker.must(['images', '--format', row, '-f', 'reference=regis*/*/copy:v*'])).toBe(
      'registry.test:5000/team/copy:v1',
    );
    expect(await docker.must(['images', '-q', '-f', 'label=nosuch'])).toBe('');
    expect(await docker.must(['images', '--format', row, '-f', 'label=l=m'])).toBe('targeted:latest');
    expect(await docker.must(['images', '-f', 'dangling=true', '--format', row])).toMatch(
      /^(<none>:<none>\n?)+$/,
    );
    expect(await docker.must(['images', '--no-trunc', '-q', 'busybox'])).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await docker.must(['images', '-f', 'since=busybox', '--format', row])).split('\n')).toContain(
      'made:1',
    );
    expect((await docker.must(['images', '-f', 'before=made:1', '--format', row])).split('\n')).toContain(
      'busybox:latest',
    );
    expect(await docker.must(['images', '--digests', '--format', '{{.Digest}}', 'busybox'])).toMatch(
      /^(<none>|sha256:[0-9a-f]{64})$/,
    );
  });

  test('inspect and history', async () => {
    const image = await docker.json<Record<string, unknown>>('made:1', 'image');
    expect(image).toMatchObject({
      Id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      RepoTags: expect.arrayContaining(['made:1', 'made:2']),
      Architecture: 'amd64',
      Os: 'linux',
      Size: expect.any(Number),
      RootFS: { Type: 'layers', Layers: expect.any(Array) },
      GraphDriver: { Name: 'overlay2' },
      Metadata: { LastTagTime: expect.any(String) },
      Config: { Cmd: ['cat', '/f'] },
    });
    expect(await docker.must(['history', '--format', '{{.CreatedBy}}', '--no-trunc', 'made:1'])).toMatch(
      /^CMD \["cat",? "\/f"\]\nRUN \/bin\/sh -c echo hi \$WHO > \/f/,
    );
    expect(await docker.refused(['image', 'inspect', 'nosuch'])).toContain('No such image: nosuch');
    expect(await docker.refused(['history', 'nosuch'])).toContain('No such image: nosuch');
  });

  test('tag and rmi: Docker’s report and its refusals', async () => {
    await docker.must(['tag', 'made:1', 'extra']);
    expect(await docker.must(['rmi', 'extra'])).toBe('Untagged: extra:latest');
    expect(await docker.refused(['rmi', 'extra'])).toContain('No such image: extra');
    expect(await docker.refused(['tag', 'nosuch', 'x'])).toContain('No such image: nosuch');
    expect(await docker.refused(['tag', 'busybox', 'Not Valid'])).toContain('nvalid reference format');
    const id = await docker.inspect('made:1', '{{.Id}}', 'image');
    expect(await docker.refused(['rmi', id])).toMatch(
      /unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
    );
    const container = await docker.must(['create', 'piped']);
    expect(await docker.refused(['rmi', 'piped'])).toMatch(
      /conflict: unable to (remove repository reference "piped" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}|delete)/,
    );
    await docker.must(['rm', container]);
    expect(await docker.must(['rmi', 'piped'])).toMatch(
      /^Untagged: piped:latest\nDeleted: sha256:[0-9a-f]{64}/,
    );
  });

  test('save and load', async () => {
    const file = join(engine.folder, 's.tar');
    await docker.must(['tag', 'made:1', 'saved:1']);
    await docker.must(['save', '-o', file, 'saved:1', 'targeted']);
    await docker.must(['rmi', 'saved:1', 'targeted']);
    const loaded = await docker.must(['load', '-i', file]);
    expect(loaded.split('\n').toSorted()).toEqual(['Loaded image: saved:1', 'Loaded image: targeted:latest']);
    expect(await docker.must(['run', '--rm', 'saved:1'])).toBe('hi you');
    expect(await docker.refused(['save', '-o', file, 'nosuch'])).toMatch(
      /No such image: nosuch|reference does not exist/,
    );
    expect(await docker.refused(['load'], { input: 'no archive at all' })).toMatch(/./);
  });

  test('prune', async () => {
    expect(await docker.must(['image', 'prune', '-f'])).toMatch(/Total reclaimed space: /);
    expect(await docker.must(['images', '-q', '-f', 'dangling=true'])).toBe('');
    expect(await docker.must(['builder', 'prune', '-f'])).toMatch(/^(ID|Total|Deleted)/);
  });

  test('pull and push say what went wrong', async () => {
    expect(await docker.refused(['pull', '127.0.0.1:1/none'])).toMatch(
      /127\.0\.0\.1:1\/v2\/.*connect.*refused/,
    );
    expect(await docker.refused(['push', '127.0.0.1:1/none'])).toContain(
      'An image does not exist locally with the tag: 127.0.0.1:1/none',
    );
    expect(await docker.refused(['search', 'x'])).toMatch(/^1: /);
    expect(await docker.refused(['login', '-u', 'a', '-p', 'b', '127.0.0.1:1'])).toMatch(/refused/);
  });
});
