import { describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suiteEngine } from './support/suite.ts';

const { engine, docker } = suiteEngine({ tidy: true });
const rm = (...names: string[]) => docker.must(['rm', '-f', '-v', ...names]);
const sleeper = (name: string, ...options: string[]) =>
  docker.must(['run', '-d', '--name', name, '--stop-signal', 'KILL', ...options, 'busybox', 'sleep', '1000']);

describe('logs', () => {
  test('tail, since, until, timestamps, details, streams', async () => {
    await docker.must([
      'run',
      '--name',
      'lg',
      '--log-opt',
      'labels=app',
      '-l',
      'app=demo',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3 4; do echo o$i; done; sleep 1.2; echo e5 >&2',
    ]);
    expect((await docker.run(['logs', 'lg'])).stdout).toBe('o1\no2\no3\no4\n');
    expect((await docker.run(['logs', 'lg'])).stderr).toBe('e5\n');
    expect(await docker.run(['logs', '-n', '2', 'lg'])).toMatchObject({ stdout: 'o4\n', stderr: 'e5\n' });
    expect(await docker.must(['logs', '-n', '0', 'lg'])).toBe('');
    const stamped = await docker.run(['logs', '-t', 'lg']);
    expect(stamped.stdout.split('\n')[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z o1$/);
    const last = stamped.stderr.split(' ')[0] ?? '';
    expect(await docker.run(['logs', '--since', last, 'lg'])).toMatchObject({ stdout: '', stderr: 'e5\n' });
    const fourth = stamped.stdout.split('\n')[3]?.split(' ')[0] ?? '';
    const before = { stdout: 'o1\no2\no3\no4\n', stderr: '' };
    expect(await docker.run(['logs', '--until', fourth, 'lg'])).toMatchObject(before);
    // The client sends whole seconds for such a time: anything near would be a matter of luck.
    expect(await docker.run(['logs', '--until', '1h', 'lg'])).toMatchObject({ stdout: '', stderr: '' });
    expect(await docker.run(['logs', '--since', '1h', 'lg'])).toMatchObject({ ...before, stderr: 'e5\n' });
    expect(await docker.run(['logs', '--until', stamped.stdout.split(' ')[0] ?? '', 'lg'])).toMatchObject({
      stderr: '',
    });
    expect((await docker.run(['logs', '--details', 'lg'])).stdout.split('\n')[0]).toBe('app=demo o1');
    await rm('lg');
  });

  test('-f follows to the end; a partial line too', async () => {
    await docker.must([
      'run',
      '-d',
      '--name',
      'lf',
      'busybox',
      'sh',
      '-c',
      'echo a; sleep 0.3; echo b; sleep 0.3; printf c',
    ]);
    expect(await docker.run(['logs', '-f', 'lf'])).toEqual({ code: 0, stdout: 'a\nb\nc', stderr: '' });
    await rm('lf');
    expect(await docker.refused(['logs', 'lf'])).toBe('1: Error response from daemon: No such container: lf');
  });
});

describe('top, port, stats, wait, diff, cp', () => {
  test('top with the usual and with own columns', async () => {
    await sleeper('tt');
    const [titles, process] = (await docker.must(['top', 'tt'])).split('\n');
    expect(titles?.trim().split(/\s+/)).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    expect(process).toContain('sleep 1000');
    expect((await docker.must(['top', 'tt', '-o', 'pid,args'])).split('\n')[1]).toMatch(/^\d+ +sleep 1000$/);
    expect((await docker.must(['top', 'tt', 'aux'])).split('\n')[0]).toContain('%CPU');
    expect(await docker.refused(['top', 'tt', '-o', 'nosuch'])).toContain('ps');
    await rm('tt');
    expect(await docker.refused(['top', 'tt'])).toContain('No such container: t');
  });

  test('port', async () => {
    await sleeper('po', '-p', '127.0.0.1:47202:80', '-p', '47203:90/udp');
    expect((await docker.must(['port', 'po'])).split('\n').toSorted()).toEqual(
      [
        '80/tcp -> 127.0.0.1:47202',
        '90/udp -> 0.0.0.0:47203',
        ...((await docker.must(['port', 'po'])).includes('[::]') ? ['90/udp -> [::]:47203'] : []),
      ].toSorted(),
    );
    expect(await docker.must(['port', 'po', '80'])).toBe('127.0.0.1:47202');
    expect(await docker.refused(['port', 'po', '81'])).toContain("No public port '81' published");
    await rm('po');
  });

  test('stats: one shot, all columns, and the stream', async () => {
    await sleeper('st', '-m', '64m');
    const columns = '{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|{{.NetIO}}|{{.BlockIO}}|{{.PIDs}}';
    expect(await docker.must(['stats', '--no-stream', '--format', columns, 'st'])).toMatch(
      /^st\|[\d.]+%\|[\d.]+[KM]iB \/ 64MiB\|[\d.]+%\|[\d.]+k?M?B \/ [\d.]+k?B\|[\d.]+[kM]?B \/ [\d.]+[kM]?B\|1$/,
    );
    expect(await docker.must(['stats', '--no-stream', '-a', '--format', '{{.Name}}'])).toBe('st');
    const stream = docker.start(['stats', '--format', '{{.Name}} {{.PIDs}}', 'st']);
    await stream.said(/st 1[^]*st 1/);
    stream.kill();
    await stream.finished;
    await rm('st');
  });

  test('wait', async () => {
    await docker.must(['run', '-d', '--name', 'ww', 'busybox', 'sh', '-c', 'sleep 0.3; exit 8']);
    expect(await docker.must(['wait', 'ww'])).toBe('8');
    await rm('ww');
  });

  test('diff', async () => {
    await docker.must([
      'run',
      '--name',
      'dd',
      'busybox',
      'sh',
      '-c',
      'mkdir /new; echo x > /new/file; rm /bin/vi; echo y >> /etc/passwd',
    ]);
    expect((await docker.must(['diff', 'dd'])).split('\n').toSorted()).toEqual(
      ['A /new', 'A /new/file', 'C /bin', 'C /etc', 'C /etc/passwd', 'D /bin/vi'].toSorted(),
    );
    await rm('dd');
  });

  test('cp: in, out, folders, standard streams, links', async () => {
    const folder = join(engine.folder, 'cp');
    mkdirSync(join(folder, 'tree/deep'), { recursive: true });
    writeFileSync(join(folder, 'tree/deep/file'), 'deep');
    writeFileSync(join(folder, 'one'), '1');
    await sleeper('cc');
    await docker.must(['cp', join(folder, 'one'), 'cc:/tmp/renamed']);
    expect(await docker.must(['exec', 'cc', 'cat', '/tmp/renamed'])).toBe('1');
    await docker.must(['cp', join(folder, 'tree'), 'cc:/tmp']);
    await docker.must(['cp', `${join(folder, 'tree')}/.`, 'cc:/root']);
    expect(await docker.must(['exec', 'cc', 'cat', '/tmp/tree/deep/file', '/root/deep/file'])).toBe(
      'deepdeep',
    );
    await docker.must(['cp', 'cc:/tmp/tree', join(folder, 'back')]);
    expect(readFileSync(join(folder, 'back/deep/file'), 'utf8')).toBe('deep');
    const archive = await docker.run(['cp', 'cc:/tmp/renamed', '-']);
    expect(archive.stdout).toContain('renamed');
    await docker.must(['exec', 'cc', 'ln', '-s', '/tmp/renamed', '/link']);
    await docker.must(['cp', '-L', 'cc:/link', join(folder, 'followed')]);
    expect(readFileSync(join(folder, 'followed'), 'utf8')).toBe('1');
    expect(await docker.refused(['cp', 'cc:/nosuch', folder])).toMatch(
      /Could not find the file \/nosuch in container cc/,
    );
    expect(await docker.refused(['cp', join(folder, 'one'), 'cc:/no/such/dir/'])).toMatch(
      /no such directory|not a directory|Could not find/,
    );
    await rm('cc');
  });

  test('export, import, commit', async () => {
    await docker.must(['run', '--name', 'xx', 'busybox', 'sh', '-c', 'echo made > /made']);
    const file = join(engine.folder, 'x.tar');
    await docker.must(['export', '-o', file, 'xx']);
    const imported = await docker.must([
      'import',
      '-c',
      'CMD ["cat", "/made"]',
      '-m',
      'from tar',
      file,
      'imported:1',
    ]);
    expect(imported).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await docker.must(['run', '--rm', 'imported:1'])).toBe('made');
    expect(
      await docker.must(['commit', '-a', 'me', '-m', 'why', '-c', 'ENV A=b', 'xx', 'committed']),
    ).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await docker.must(['run', '--rm', 'committed', 'sh', '-c', 'cat /made; echo $A'])).toBe('made\nb');
    expect(await docker.inspect('committed', '{{.Author}} {{.Comment}}', 'image')).toBe('me why');
    await rm('xx');
    await docker.must(['rmi', 'imported:1', 'committed']);
  });
});
