import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 120_000;
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

/** What images, instances and users decide, below these: their parents let nobody through. */
const CONTENT = [
  /^data\/l\/[^/]+$/,
  /^data\/(instances\/[^/]+\/(upper|work)|volumes\/[^/]+|snapshots\/[^/]+|tmp\/[^/]+)$/,
  /^run\/(rootfs|build|empty|netns)\/[^/]+$/,
  // Mounted into instances, where every user reads them.
  /^run\/i\/[^/]+\/names\/(hosts|hostname|resolv\.conf)$/,
  // The engine's own programs: one is mounted into instances, where every user executes it.
  /^run\/programs\/hull-[a-z]+$/,
  // The kernel and initramfs of VMs, which hold nothing of an instance: read by QEMU's own user.
  /^data\/guest-kernels$/,
  /^run\/i\/[^/]+\/shm$/,
];
/** Written by conmon, QEMU and virtiofsd themselves, in a folder of root's alone. */
const WRITTEN_BY_MONITORS = /^(run\/i|data\/logs)\/[^/]+\/./;
/** May be passed through, not listed: the socket's folder, which an administrator may give away. */
const PASSABLE = ['run', 'run/programs'];

beforeAll(async () => {
  // Other users get as far as the engine's own folders.
  chmodSync(engine.folder, 0o755);
  mkdirSync(engine.data, { recursive: true, mode: 0o777 });
  chmodSync(engine.data, 0o777);
  const mask = process.umask(0);
  try {
    await engine.start();
  } finally {
    process.umask(mask);
  }
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

/** Paths of the engine's own making that somebody else than root may use, with owner and mode. */
function open(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const facts = lstatSync(path);
    const place = relative(engine.folder, path);
    if (CONTENT.some((pattern) => pattern.test(place))) return [];
    const below = facts.isDirectory() ? open(path) : [];
    const allowed = PASSABLE.includes(place) ? 0o711 : WRITTEN_BY_MONITORS.test(place) ? 0o755 : 0o700;
    const isPrivate = facts.uid === 0 && facts.gid === 0 && (facts.mode & 0o7777 & ~allowed) === 0;
    return isPrivate
      ? below
      : [`${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid} ${place}`, ...below];
  });
}

async function busySession(): Promise<void> {
  await engine.mustDocker('volume', 'create', 'kept');
  await engine.must(['volume', 'snapshot', 'kept', 'once']);
  await engine.mustDocker('network', 'create', 'lan');
  const secret = ['-e', 'PASSWORD=hunter2', '-v', 'kept:/kept'];
  await engine.mustDocker(
    'run',
    '-d',
    '--name',
    'plain',
    '--network',
    'lan',
    ...secret,
    'busybox',
    'sleep',
    '300',
  );
  await engine.mustDocker(
    'run',
    '-dt',
    '--name',
    'terminal',
    '--ipc',
    'shareable',
    'busybox',
    'sleep',
    '300',
  );
  await engine.mustDocker('exec', '-d', 'plain', 'sleep', '300');
  await engine.mustDocker('exec', 'plain', 'sh', '-c', 'echo out; echo text > /kept/file');
  const context = join(engine.folder, 'context');
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY Dockerfile /\nRUN echo built > /built\n');
  await engine.must(['build', '-t', 'built', context]);
  await engine.mustDocker('commit', 'plain', 'committed');
  await engine.mustDocker('cp', 'plain:/kept/file', join(engine.folder, 'copied'));
  await engine.mustDocker('run', '--rm', 'busybox', 'true');
  await engine.mustDocker('create', '--name', 'waiting', 'busybox', 'true');
  if (NO_VMS === null)
    await engine.must([
      'run',
      '-d',
      '--name',
      'vm',
      '--isolation',
      'vm',
      '-v',
      'kept:/kept',
      'busybox',
      'sleep',
      '300',
    ]);
}

test(
  'whatever the mask is, the engine’s files are root’s alone, and nobody reads or finds one',
  async () => {
    await busySession();
    for (const folder of [engine.data, join(engine.folder, 'run')]) {
      expect(open(join(folder, '..')).filter((line) => / (data|run)(\/|$)/.test(line))).toEqual([]);
      const { stdout } = await engine.host.exec.run([...NOBODY, 'find', folder, '-mindepth', '1'], {});
      expect(stdout).toBe('');
    }
    const socket = ['--unix-socket', engine.socket, 'http://localhost/containers/json'];
    expect((await engine.host.exec.run([...NOBODY, 'curl', '-sS', ...socket])).code).not.toBe(0);
    // What can be guessed.
    for (const name of ['data/hull.db', 'data/hull.db-wal', 'data/network.json', 'data/daemon.pid'])
      expect((await engine.host.exec.run([...NOBODY, 'cat', join(engine.folder, name)])).code).not.toBe(0);
  },
  LONG,
);

test('a terminal comes over a socket in the folder of its run, not in one that everybody uses', () => {
  const runs = join(engine.folder, 'run/i');
  const monitors = readdirSync(runs).filter((run) => existsSync(join(runs, run, 'conmon.pid')));
  expect(monitors.length).toBeGreaterThan(1);
  for (const run of monitors) {
    const pid = readFileSync(join(runs, run, 'conmon.pid'), 'utf8').trim();
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(environment).toContain(`TMPDIR=${join(runs, run)}`);
  }
});

test(
  'what an older version left open is closed at the start',
  async () => {
    await engine.crash();
    const paths = [
      'data',
      'data/hull.db',
      'data/hull.db-wal',
      'data/logs',
      'data/instances',
      'data/volumes',
      'data/l',
    ];
    for (const path of paths) chmodSync(join(engine.folder, path), 0o777);
    await engine.start();
    expect(open(engine.folder).filter((line) => / data(\/|$)/.test(line))).toEqual([]);
    expect(await engine.findings()).toBe('');
  },
  LONG,
);
