import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readIsolation } from '../../src/host/process-isolation.ts';
import { chunksOf, collect } from '../../src/lib/streams.ts';
import { packTar, readTar } from '../../src/lib/tar/archive.ts';
import { userOf } from '../../src/runtime/vm/jail.ts';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { FilesApi } from './support/files-api.ts';

const engine = new TestEngine();
const api = new FilesApi(engine);
const LONG = 180_000;
/** `hull-<tag>`, which the names of this engine's VMs begin with. */
let prefix = '';
const local = join(engine.folder, 'local');

describe.skipIf(NO_VMS !== null)('files of a VM (skipped without a guest kernel)', () => {
  beforeAll(async () => {
    await engine.start();
    prefix = await engine.must(['info', '--format', '{{.Hull.network.bridge}}']);
    await engine.must(['bootstrap', 'busybox']);
    mkdirSync(join(local, 'd/sub'), { recursive: true });
    writeFileSync(join(local, 'd/sub/x'), 'two\n');
    symlinkSync('sub', join(local, 'd/l'));
    await engine.must([
      'run',
      '-d',
      '--name',
      'guest',
      '--isolation',
      'vm',
      '-v',
      'vol:/vol',
      'busybox',
      'sleep',
      '1000',
    ]);
  }, LONG);
  afterAll(() => engine.destroy(), LONG);

  const sh = (script: string): Promise<string> => engine.must(['exec', 'guest', 'sh', '-c', script]);

  test(
    'are copied in and out by docker',
    async () => {
      expect(await engine.docker(['cp', join(local, 'd'), 'guest:/srv'])).toMatchObject({ code: 0 });
      expect(await sh('cat /srv/l/x; readlink /srv/l')).toBe('two\nsub');
      await sh('echo made > /srv/made; ln /srv/made /srv/hard; chmod 4711 /srv/made');
      expect(await engine.docker(['cp', 'guest:/srv', join(engine.folder, 'out')])).toMatchObject({
        code: 0,
      });
      expect(readFileSync(join(engine.folder, 'out/hard'), 'utf8')).toBe('made\n');
      expect((await api.stat('guest', '/srv/made')).stat).toMatchObject({
        name: 'made',
        size: 5,
        mode: 2 ** 23 + 0o711,
      });
      expect((await api.stat('guest', '/srv/l')).stat?.linkTarget).toBe('/srv/sub');
      const absent = await engine.docker(['cp', 'guest:/none', local]);
      expect(absent.stderr).toContain('Could not find the file /none in container guest');
    },
    LONG,
  );

  test(
    'are copied between a VM and a volume that it shares with a container',
    async () => {
      const tar = gzipSync(
        await collect(packTar([{ header: { name: 'f', type: 'file' }, body: Buffer.from('shared\n') }])),
      );
      expect(await api.put('guest', '/vol', tar)).toEqual({ status: 200 });
      expect(await engine.must(['run', '--rm', '-v', 'vol:/vol', 'busybox', 'cat', '/vol/f'])).toBe('shared');
    },
    LONG,
  );

  test(
    'hostile archives are refused, and a megabyte comes back as it went',
    async () => {
      const member = (name: string): Promise<Uint8Array> =>
        collect(packTar([{ header: { name, type: 'file' } }]));
      expect(await api.put('guest', '/srv', await member('../up'))).toMatchObject({ status: 400 });
      expect(await api.put('guest', '/srv/made', await member('x'))).toEqual({
        status: 400,
        message: 'extraction point is not a directory',
      });
      const keep = await api.put('guest', '/', await member('srv'), '&noOverwriteDirNonDir=1');
      expect(keep.message).toContain('cannot overwrite directory "/srv" with non-directory "/"');
      const bytes = crypto.getRandomValues(new Uint8Array(65_536));
      const body = Buffer.concat(Array.from({ length: 16 }, () => bytes));
      await api.put(
        'guest',
        '/srv',
        await collect(packTar([{ header: { name: 'big', type: 'file' }, body }])),
      );
      const answer = await api.get('guest', '/srv/big');
      for await (const entry of readTar(answer.body ?? chunksOf()))
        expect(Buffer.from(await collect(entry.body)).equals(body)).toBe(true);
    },
    LONG,
  );

  test(
    'diff, export and commit know them',
    async () => {
      await sh('rm -rf /srv; rm /bin/false; echo new > /bin/new');
      const changed = (await engine.docker(['diff', 'guest'])).stdout.split('\n');
      expect(changed).toContain('D /bin/false');
      expect(changed).toContain('A /bin/new');
      const names: string[] = [];
      for await (const { header } of readTar(api.stream('/containers/guest/export'))) names.push(header.name);
      expect(names).toContain('bin/new');
      expect(names.filter((name) => name.startsWith('vol/') || name.startsWith('proc/'))).toEqual([]);
      await engine.must(['commit', 'guest', 'made:1']);
      expect(
        (await engine.hull(['run', '--rm', 'made:1', 'sh', '-c', 'cat /bin/new; ls /bin/false'])).stdout,
      ).toBe('new\n');
    },
    LONG,
  );

  test(
    'are the same when it does not run: one boot for several requests, and it goes before the VM starts',
    async () => {
      await engine.must(['stop', '-t', '0', 'guest']);
      expect(await engine.docker(['cp', join(local, 'd'), 'guest:/srv'])).toMatchObject({ code: 0 });
      const pids = qemus();
      expect(pids).toHaveLength(1);
      for (const pid of pids)
        expect(readIsolation(pid)).toMatchObject({ user: userOf(pid), capabilities: 0, seccomp: 2 });
      expect((await engine.inspect('guest')).State).toMatchObject({ Status: 'exited', Pid: 0 });
      expect(await engine.findings()).toBe('');
      const changed = (await engine.docker(['diff', 'guest'])).stdout.split('\n');
      expect(changed).toEqual(expect.arrayContaining(['D /bin/false', 'A /bin/new', 'A /srv/sub/x']));
      expect(await api.text('guest', '/srv/l/x')).toBe('two\n');
      expect((await api.stat('guest', '/srv/l')).stat?.linkTarget).toBe('/srv/sub');
      const [header] = [{ name: 'g', type: 'file' }] as const;
      const tar = await collect(packTar([{ header, body: Buffer.from('rested\n') }]));
      expect(await api.put('guest', '/vol', tar)).toEqual({ status: 200 });
      expect(await engine.must(['run', '--rm', '-v', 'vol:/vol', 'busybox', 'cat', '/vol/g'])).toBe('rested');
      expect((await engine.docker(['cp', 'guest:/none', local])).stderr).toContain('Could not find the file');
      const names: string[] = [];
      for await (const { header: member } of readTar(api.stream('/containers/guest/export')))
        names.push(member.name);
      expect(names).toEqual(expect.arrayContaining(['bin/new', 'srv/sub/x']));
      expect(names).not.toContain('vol/g');
      await engine.must(['commit', 'guest', 'made:2']);
      expect(await engine.must(['run', '--rm', 'made:2', 'cat', '/srv/sub/x', '/bin/new'])).toBe('two\nnew');
      expect(qemus()).toEqual(pids);
      await engine.must(['start', 'guest']);
      expect(await sh('cat /srv/l/x')).toBe('two');
      expect(qemus()).not.toEqual(pids);
    },
    LONG,
  );

  test(
    'are there after the daemon was killed, and nothing is left of what reached them',
    async () => {
      const bind = join(engine.folder, 'bound');
      mkdirSync(bind);
      const options = ['--isolation', 'vm', '-v', `${bind}:/bound`];
      await engine.must(['create', '--name', 'fresh', ...options, 'busybox', 'true']);
      const file = await collect(packTar([{ header: { name: 'kept', type: 'file' } }]));
      expect(await api.put('fresh', '/etc', file)).toEqual({ status: 200 });
      await engine.restart();
      expect(await engine.findings()).toBe('');
      rmdirSync(bind);
      expect(await api.put('fresh', '/bound', file)).toMatchObject({ status: 400 });
      // What is mounted is no part of the root.
      expect((await engine.docker(['diff', 'fresh'])).stdout).toContain('A /etc/kept');
      await engine.must(['rm', 'fresh']);
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  /** QEMU processes of this engine's. */
  function qemus(): readonly number[] {
    const { processes } = engine.host;
    return processes.list().filter((pid) => commandOf(pid).includes(`guest=${prefix}-`));
  }
});

function commandOf(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return /^\S*qemu-system/.test(command) ? command : '';
  } catch {
    return '';
  }
}
