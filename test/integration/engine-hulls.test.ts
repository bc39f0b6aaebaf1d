import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 180_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

async function tcp(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text));
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk)));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
    setTimeout(() => reject(new Error('no answer by TCP')), 20_000).unref();
  });
}

// The same for both hulls: nothing above the runtime knows which it is.
describe.each(['container', 'vm'] as const)('%s', (isolation) => {
  const skip = isolation === 'vm' && NO_VMS !== null;
  const run = (...args: string[]): readonly string[] => ['run', '--isolation', isolation, ...args];
  const it = skip ? test.skip : test;
  const main = `main-${isolation}`;
  const shared = join(engine.folder, `shared-${isolation}`);

  it(
    'passes arguments, variables, folder and user; gives the workload’s status and both streams',
    async () => {
      const script = 'echo "$A $(pwd) $(id -u)"; echo oops >&2; exit 7';
      const result = await engine.hull(
        run('--rm', '-e', 'A=b', '-w', '/work', '-u', '1234', 'busybox', 'sh', '-c', script),
      );
      expect(result.stdout).toBe('b /work 1234\n');
      expect(result.stderr.split('\n').filter((line) => !line.startsWith('WARNING'))).toEqual(['oops', '']);
      expect(result.code).toBe(7);
    },
    LONG,
  );

  it(
    'passes standard input through to its end',
    async () => {
      const text = 'line of input\n'.repeat(5000);
      const result = await engine.hull(run('--rm', '-i', 'busybox', 'md5sum'), text);
      expect(result.stdout).toBe(`${new Bun.CryptoHasher('md5').update(text).digest('hex')}  -\n`);
    },
    LONG,
  );

  it(
    'runs in the background with ports, a bind mount, a volume, limits and a read-only root',
    async () => {
      mkdirSync(shared, { recursive: true });
      writeFileSync(join(shared, 'greeting'), `hello ${isolation}`);
      const serve = 'nc -ll -p 7 -e cat & echo ready; while sleep 1; do :; done';
      const options = [
        '-d',
        '--name',
        main,
        '-p',
        '127.0.0.1::7/tcp',
        '-p',
        '127.0.0.1::7/udp',
        '-v',
        `${shared}:/shared`,
      ];
      const more = [
        '-v',
        `data-${isolation}:/data`,
        '--memory',
        '128m',
        '--cpus',
        '1',
        '--read-only',
        '--tmpfs',
        '/tmp',
      ];
      await engine.must(run(...options, ...more, 'busybox', 'sh', '-c', serve));
      await until('the workload is ready', async () =>
        (await engine.must(['logs', main])).includes('ready') ? true : null,
      );
      const { NetworkSettings } = await engine.inspect(main);
      const { Ports } = NetworkSettings as { Ports: Record<string, { HostPort: string }[]> };
      const port = (name: string): number => Number(Ports[name]?.[0]?.HostPort);
      expect(await until('TCP', () => tcp(port('7/tcp'), 'over tcp'))).toBe('over tcp');
      expect(port('7/udp')).toBeGreaterThan(0);
    },
    LONG,
  );

  it(
    'exec sees the same instance, its mounts and its limits',
    async () => {
      const exec = (...args: string[]) => engine.hull(['exec', main, ...args]);
      expect((await exec('cat', '/shared/greeting')).stdout).toBe(`hello ${isolation}`);
      expect((await exec('sh', '-c', 'echo back > /shared/answer; echo kept > /data/kept')).code).toBe(0);
      expect(readFileSync(join(shared, 'answer'), 'utf8')).toBe('back\n');
      expect((await exec('touch', '/root-is-read-only')).code).toBe(1);
      expect((await exec('touch', '/tmp/fine')).code).toBe(0);
      expect((await exec('no-such-command')).code).toBe(127);
      // Low ports are nobody’s privilege: it listens until its time is over.
      const listen = ['exec', '-u', '1000', main, 'timeout', '1', 'nc', '-l', '-p', '99'];
      expect((await engine.hull(listen)).stderr).toBe('');
      expect((await engine.hull(['exec', '-i', main, 'cat'], 'typed')).stdout).toBe('typed');
      expect(
        (
          await engine.hull([
            'exec',
            '-u',
            '12:34',
            '-w',
            '/data',
            '-e',
            'X=y',
            main,
            'sh',
            '-c',
            'echo $(id -u):$(id -g) $(pwd) $X',
          ])
        ).stdout,
      ).toBe('12:34 /data y\n');
    },
    LONG,
  );

  it(
    'top, stats, inspect and ps show it',
    async () => {
      expect(await engine.must(['top', main])).toContain('nc -ll');
      const stats = JSON.parse(
        await engine.must(['stats', '--no-stream', '--format', 'json', main]),
      ) as Record<string, string>;
      expect(stats['Name']).toBe(main);
      expect(Number.parseFloat(stats['MemUsage'] ?? '0')).toBeGreaterThan(0);
      const row = JSON.parse(
        await engine.must(['ps', '--filter', `name=${main}`, '--format', 'json']),
      ) as Record<string, string>;
      expect(row['Names']).toBe(main);
      expect(row['Ports']).toContain('->7/udp');
      expect((await engine.inspect(main)).State['Running']).toBe(true);
    },
    LONG,
  );

  it(
    'goes on across a killed daemon: same process, ports, logs and exec',
    async () => {
      const before = (await engine.inspect(main)).State['Pid'];
      await engine.restart();
      expect((await engine.inspect(main)).State['Pid']).toBe(before);
      expect((await engine.hull(['exec', main, 'cat', '/data/kept'])).stdout).toBe('kept\n');
      expect(await engine.must(['logs', main])).toContain('ready');
      const { NetworkSettings } = await engine.inspect(main);
      const { Ports } = NetworkSettings as { Ports: Record<string, { HostPort: string }[]> };
      expect(await until('TCP', () => tcp(Number(Ports['7/tcp']?.[0]?.HostPort), 'again'))).toBe('again');
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  it(
    'stops, starts again with what it wrote, and is removed',
    async () => {
      await engine.must(['stop', '-t', '1', main]);
      expect((await engine.inspect(main)).State['Status']).toBe('exited');
      await engine.must(['start', main]);
      expect((await engine.hull(['exec', main, 'cat', '/data/kept'])).stdout).toBe('kept\n');
      expect((await engine.hull(['rm', main])).code).toBe(1);
      await engine.must(['rm', '-f', main]);
      expect((await engine.hull(['inspect', main])).code).toBe(1);
      expect(await engine.findings()).toBe('');
      // Also what another daemon had set up.
      expect(readFileSync(engine.logPath, 'utf8')).not.toContain('is incomplete');
    },
    LONG,
  );

  it(
    'keeps the exit status and the output of what ended while no daemon ran',
    async () => {
      const name = `ends-${isolation}`;
      await engine.must(
        run('-d', '--name', name, 'busybox', 'sh', '-c', 'sleep 2; echo last words; exit 42'),
      );
      await engine.crash();
      await Bun.sleep(isolation === 'vm' ? 6000 : 2500);
      await engine.start();
      expect(await engine.must(['wait', name])).toBe('42');
      expect(await engine.must(['logs', name])).toBe('last words');
      await engine.must(['rm', name]);
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  it(
    'is killed with status 137 and finds its neighbours by name',
    async () => {
      const [one, two] = [`one-${isolation}`, `two-${isolation}`];
      await engine.must(run('-d', '--name', one, 'busybox', 'sleep', '600'));
      await engine.must(run('-d', '--name', two, 'busybox', 'sleep', '600'));
      const ping = await until('the name resolves', async () => {
        const result = await engine.hull(['exec', one, 'ping', '-c', '1', '-W', '5', two]);
        return result.code === 0 ? result.stdout : null;
      });
      expect(ping).toContain('1 packets received');
      await engine.must(['kill', one]);
      expect(await engine.must(['wait', one])).toBe('137');
      await engine.must(['rm', '-f', one, two]);
    },
    LONG,
  );
});
