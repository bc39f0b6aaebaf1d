import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHullError } from '../model/errors.ts';
import { isNoSpace } from './exec.ts';
import { createHost } from './index.ts';
import { parseMountInfo } from './mounts.ts';
import { parseStat } from './processes.ts';

const host = createHost();
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-host-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('exec', () => {
  test('returns output and status, and feeds stdin', async () => {
    const result = await host.exec.run(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'yes' });
    expect(result).toEqual({ code: 3, stdout: 'yes', stderr: 'no\n' });
  });
  test('a missing program names its package', async () => {
    const failure = await host.exec.run(['no-such-program']).catch((error: unknown) => error);
    expect(isHullError(failure, 'host-tool-missing')).toBe(true);
  });
  test('must quotes what the program said', async () => {
    expect(host.exec.must(['sh', '-c', 'echo broken >&2; exit 1'])).rejects.toThrow('broken');
  });
  test('kills at the timeout', async () => {
    expect((await host.exec.run(['sleep', '10'], { timeout: 50 })).code).toBe(137);
  });
  test('spawn hands file descriptors over and reports the status', async () => {
    const child = host.exec.spawn(['sh', '-c', 'echo out; exit 7'], { stdout: 'pipe' });
    let text = '';
    for await (const chunk of child.stdout ?? []) text += String(chunk);
    expect([text, await child.exited]).toEqual(['out\n', 7]);
  });
  test('knows a full disk from an errno and from words', () => {
    expect(isNoSpace(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBe(true);
    expect(isNoSpace(new Error('tar: No space left on device'))).toBe(true);
    expect(isNoSpace(new Error('other'))).toBe(false);
  });
});

describe('mounts', () => {
  test.each([true, false])('overlay writes to its upper (volatile %p)', async (volatile) => {
    const at = (name: string) => join(folder, `overlay,with:odd ${volatile}`, name);
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('lower/a'), 'below');
    host.mounts.overlay(at('merged'), {
      lower: [at('lower')],
      upper: at('upper'),
      work: at('work'),
      volatile,
    });
    try {
      writeFileSync(at('merged/b'), 'above');
      expect(readFileSync(at('merged/a'), 'utf8')).toBe('below');
      expect(host.mounts.list().filter((entry) => entry.target === at('merged'))).toHaveLength(1);
    } finally {
      await host.mounts.unmount(at('merged'));
    }
    expect(readFileSync(at('upper/b'), 'utf8')).toBe('above');
    await host.mounts.unmount(at('merged'));
    expect(host.mounts.list().some((entry) => entry.target === at('merged'))).toBe(false);
  });
  test('a single lower folder is read-only without an upper one', async () => {
    const at = (name: string) => join(folder, 'single', name);
    for (const name of ['lower', 'merged']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('lower/a'), 'below');
    host.mounts.overlay(at('merged'), { lower: [at('lower')] });
    try {
      expect(readFileSync(at('merged/a'), 'utf8')).toBe('below');
      expect(() => writeFileSync(at('merged/b'), 'no')).toThrow('EROFS');
    } finally {
      await host.mounts.unmount(at('merged'));
    }
  });
  test('150 layers fit, however long the path of their folder', async () => {
    const at = (name: string) => join(folder, 'a-folder-with-a-rather-long-name-as-users-have-them', name);
    const lower = Array.from({ length: 150 }, (_, index) => at(`layers/l${index}`));
    for (const path of [...lower, at('merged')]) mkdirSync(path, { recursive: true });
    writeFileSync(join(lower[0] ?? '', 'top'), '');
    writeFileSync(join(lower[149] ?? '', 'bottom'), '');
    host.mounts.overlay(at('merged'), { lower });
    try {
      expect([existsSync(at('merged/top')), existsSync(at('merged/bottom'))]).toEqual([true, true]);
    } finally {
      await host.mounts.unmount(at('merged'));
    }
  });
  test('a failed mount says what and why', () => {
    expect(() => host.mounts.bind('/no/such', folder)).toThrow('ENOENT');
  });
  test('parses mountinfo with escapes and optional fields', () => {
    const text =
      '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/ro\\134ot rw,errors=continue\n';
    expect(parseMountInfo(text)).toEqual([
      { target: '/mnt 2', type: 'ext3', source: '/dev/ro\\ot', options: 'rw,errors=continue' },
    ]);
  });
});

describe('namespaces', () => {
  test('pins a network namespace of its own and comes back', async () => {
    const path = join(folder, 'net');
    const before = readFileSync('/proc/net/dev', 'utf8').length;
    host.namespaces.createNet(path);
    const inside = await host.exec.must([...host.namespaces.enterNet(path), 'cat', '/proc/self/net/dev']);
    expect(inside).toContain('lo:');
    expect(inside).not.toContain('eth0');
    expect(readFileSync('/proc/net/dev', 'utf8').length).toBe(before);
    await host.namespaces.removeNet(path);
    await host.namespaces.removeNet(path);
    expect(existsSync(path)).toBe(false);
  });
});

describe('files', () => {
  test('never opens outside the root', () => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), 'inside');
    symlinkSync('/etc', join(root, 'absolute'));
    symlinkSync('../../../../etc', join(root, 'relative'));
    for (const path of ['etc/passwd', '/absolute/passwd', 'relative/passwd', '../../etc/passwd']) {
      const descriptor = host.files.openInRoot(root, path, constants.O_RDONLY);
      expect(readFileSync(descriptor, 'utf8')).toBe('inside');
      closeSync(descriptor);
    }
    expect(() => host.files.openInRoot(root, '/nothing', constants.O_RDONLY)).toThrow(
      'no such file or folder: /nothing',
    );
  });
  test('makes folders inside the root, through links that point outside', () => {
    const root = join(folder, 'made');
    mkdirSync(join(root, 'tmp'), { recursive: true });
    symlinkSync('/tmp', join(root, 'link'));
    host.files.mkdirInRoot(root, '/link/a/../b/c', 0o755);
    expect(existsSync(join(root, 'tmp/b/c'))).toBe(true);
  });
  test('writes durably and leaves no temporary file', async () => {
    const path = join(folder, 'durable');
    await host.files.writeDurable(path, 'one');
    await host.files.writeDurable(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect((await host.files.space(folder)).free).toBeGreaterThan(0);
  });
});

describe('processes', () => {
  test('sees a process live and end', async () => {
    const child = host.exec.spawn(['sleep', '30']);
    const info = host.processes.info(child.pid);
    expect(info?.command).toEqual(['/usr/bin/sleep', '30']);
    expect(host.processes.same(child.pid, info?.startTime ?? -1)).toBe(true);
    expect(host.processes.same(child.pid, 1)).toBe(false);
    child.kill('SIGTERM');
    await host.processes.gone(child.pid);
    expect(await child.exited).toBe(143);
    expect(host.processes.alive(child.pid)).toBe(false);
  });
  test('refuses to signal pid 1, all processes or nonsense', () => {
    for (const pid of [1, 0, -1, 1.5, Number.NaN]) expect(host.processes.kill(pid, 0)).toBe(false);
  });
  test('parses names with blanks and parentheses', () => {
    expect(parseStat(`7 (a) (b c) S 3 ${'0 '.repeat(17)}99 0`)).toEqual({
      name: 'a) (b c',
      state: 'S',
      parent: 3,
      startTime: 99,
    });
  });
});

describe('packet sockets', () => {
  test('keep packet boundaries both ways', async () => {
    const path = join(folder, `${'long'.repeat(30)}.sock`);
    const server = Bun.spawn(
      [
        'python3',
        '-c',
        `import socket,os,sys
os.chdir(${JSON.stringify(folder)})
s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)
s.bind(${JSON.stringify(`${'long'.repeat(20)}`)})
os.rename(${JSON.stringify(`${'long'.repeat(20)}`)}, ${JSON.stringify(`${'long'.repeat(30)}.sock`)})
s.listen(1)
print('up',flush=True)
c,_=s.accept()
for i in range(200): c.send(bytes([i])*(i+1))
print(c.recv(100),flush=True)
print(c.recv(100),flush=True)`,
      ],
      { stdout: 'pipe', stderr: 'ignore' },
    );
    const reader = server.stdout.getReader();
    await reader.read();
    const socket = await host.sockets.connectPackets(path);
    await socket.write(new Uint8Array([7, 7]));
    const sizes: number[] = [];
    for await (const packet of socket.packets) {
      sizes.push(packet.length);
      if (sizes.length === 200) {
        await Bun.sleep(1);
        socket.end();
      }
    }
    expect(sizes).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    socket.close();
    expect(await server.exited).toBe(0);
  });

  // The kernel reports the reset before what is queued, and the event loop closes a socket at that error.
  test('are read dry when the peer closes with input that it has not read', async () => {
    const path = join(folder, 'reset.sock');
    const server = Bun.spawn(
      [
        'python3',
        '-c',
        `import socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)
s.bind(${JSON.stringify(path)})
s.listen(1)
print('up',flush=True)
for i in range(20):
  c,_=s.accept()
  c.recv(100)
  for i in range(20): c.send(bytes([1])*100)
  c.close()`,
      ],
      { stdout: 'pipe', stderr: 'ignore' },
    );
    await server.stdout.getReader().read();
    for (let count = 0; count < 20; count++) {
      const socket = await host.sockets.connectPackets(path, { join: true });
      for (let packet = 0; packet < 5; packet++) await socket.write(new Uint8Array(10));
      let bytes = 0;
      // The byte that says what a packet is comes once for each joined one.
      for await (const packet of socket.packets) bytes += packet.length - 1;
      expect(bytes).toBe(20 * 99);
      socket.close();
    }
    expect(await server.exited).toBe(0);
  });

  test('make a peer wait for a slow reader until it is said to wait no more', async () => {
    const path = join(folder, 'slow.sock');
    const server = Bun.spawn(
      [
        'python3',
        '-c',
        `import socket
s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)
s.bind(${JSON.stringify(path)})
s.listen(1)
print('up',flush=True)
c,_=s.accept()
for i in range(400): c.send(bytes([1])*8000)
print('sent',flush=True)`,
      ],
      { stdout: 'pipe', stderr: 'ignore' },
    );
    const reader = server.stdout.getReader();
    await reader.read();
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const slows = async (): Promise<void> => {
      asked.resolve();
      await release.promise;
    };
    const socket = await host.sockets.connectPackets(path, { join: true, slows });
    await asked.promise;
    // What was printed may arrive in pieces.
    const sent = (async () => {
      let said = '';
      while (!said.includes('sent')) said += new TextDecoder().decode((await reader.read()).value);
      return 'sent';
    })();
    expect(await Promise.race([sent, Bun.sleep(100).then(() => 'waits')])).toBe('waits');
    release.resolve();
    expect(await sent).toBe('sent');
    let bytes = 0;
    for await (const packet of socket.packets) bytes += packet.length - 1;
    expect(bytes).toBe(400 * 7999);
    socket.close();
    await server.exited;
  });
});
