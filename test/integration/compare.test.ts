import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ComparisonReport, Measured } from '../../api/native.ts';
import { collect, ended, HULL, type Outcome, until } from './support/cli-fixture.ts';

/** `hull compare` against a real engine, real containers and (where QEMU and a guest kernel are there) a real VM. */
const found =
  process.getuid?.() === 0 &&
  existsSync('/bin/busybox') &&
  existsSync(resolve(import.meta.dirname, '../../dist/guest/hull-measure'));
const KERNELS = resolve(import.meta.dirname, '../../.cache/kernels');
const PROBE = `exec bash -c 'exec 3<>"/dev/tcp/$HULL_ADDRESS/8080"'`;

/** Rows that hold for a VM's QEMU. */
const ISOLATED = [
  'namespaces',
  'seccomp',
  'capabilities dropped',
  'no new privileges',
  'unprivileged user',
] as const;

let folder: string;
let daemon: ChildProcess;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  if (!found) return;
  folder = mkdtempSync(join(tmpdir(), 'cmp-'));
  mkdirSync(join(folder, 'd'));
  if (existsSync(KERNELS)) symlinkSync(KERNELS, join(folder, 'd/kernels'));
  environment = { ...process.env, HULL_HOST: `unix://${join(folder, 's')}` };
  const places = ['--data', join(folder, 'd'), '--run', join(folder, 'r'), '--socket', join(folder, 's')];
  daemon = spawn(HULL[0], [HULL[1], 'daemon', ...places], { stdio: 'inherit' });
  await until(() => existsSync(join(folder, 's')));
  const context = join(folder, 'context');
  mkdirSync(join(context, 'bin'), { recursive: true });
  spawnSync('cp', ['/bin/busybox', join(context, 'bin')]);
  for (const name of ['sh', 'httpd', 'sleep']) symlinkSync('busybox', join(context, 'bin', name));
  const blueprint = (command: string): string =>
    `FROM scratch\nCOPY bin /bin\nENV PATH=/bin\nUSER 1000:1000\nCMD ${command}\n`;
  writeFileSync(join(context, 'Dockerfile'), blueprint('["httpd","-f","-p","8080"]'));
  writeFileSync(join(context, 'ending'), blueprint('["sh","-c","echo last words; exit 3"]'));
  expect(await hull(['build', '-q', '-t', 'web', context])).toMatchObject({ code: 0 });
  expect(await hull(['build', '-q', '-t', 'ending', '-f', join(context, 'ending'), context])).toMatchObject({
    code: 0,
  });
}, 60_000);

afterAll(async () => {
  if (!found) return;
  const bridge = (await hull(['info', '--format', '{{.Hull.network.bridge}}'])).stdout.trim();
  const gone = ended(daemon);
  await hull(['shutdown', '--stop']);
  await gone;
  for (const group of globSync(`/sys/fs/cgroup/{,*/}${bridge}`)) rmdirSync(group);
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

function launch(args: readonly string[]): ChildProcess {
  return spawn(HULL[0], [HULL[1], ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function hull(args: readonly string[]): Promise<Outcome> {
  const child = launch(args);
  const output = collect(child);
  const code = await ended(child);
  return { code, ...output };
}

async function compare(
  args: readonly string[],
): Promise<{ code: number; report: ComparisonReport; stderr: string }> {
  const { code, stdout, stderr } = await hull(['compare', '--format', 'json', ...args]);
  expect(stdout, stderr).toStartWith('{');
  return { code, stderr, report: JSON.parse(stdout) as ComparisonReport };
}

function valueOf<T>(figure: Measured<T> | undefined): T {
  if (figure === undefined || !('value' in figure)) throw new Error(`no figure: ${JSON.stringify(figure)}`);
  return figure.value;
}

async function expectNothingLeft(): Promise<void> {
  expect((await hull(['ps', '-aq'])).stdout).toBe('');
  expect(readdirSync(join(folder, 'd')).filter((name) => name.startsWith('compare-'))).toEqual([]);
  expect(readdirSync(join(folder, 'd/instances'))).toEqual([]);
}

describe.skipIf(!found)('hull compare (skipped without root, busybox or the measuring program)', () => {
  test('measures a container, and a VM where there can be one', async () => {
    const page = join(folder, 'page.html');
    const { code, report, stderr } = await compare([
      '--runs',
      '2',
      '--html',
      page,
      '--probe',
      PROBE,
      '--isolation',
      'container,vm',
      'web',
    ]);
    expect(report.subjects.map(({ failure }) => failure)).toEqual(report.subjects.map(() => null));
    expect(code).toBe(0);
    expect(stderr).toContain('compare: container: run 1 of 2');
    const kinds = report.subjects.map(({ kind }) => kind);
    expect([...kinds, ...report.skipped.map(({ kind }) => kind)].toSorted()).toEqual([
      'container',
      'machine',
      'vm',
    ]);
    for (const subject of report.subjects) {
      expect(valueOf(subject.start.warm).median).toBeGreaterThan(0);
      expect(valueOf(subject.memory).pss.median).toBeGreaterThan(100_000);
      expect(valueOf(subject.storage.shared).bytes).toBeGreaterThan(1_000_000);
      expect(valueOf(subject.capacity).instances).toBeGreaterThan(0);
      for (const rate of Object.values(subject.throughput))
        expect(valueOf(rate).relative.samples).toHaveLength(2);
      expect(valueOf(subject.kernel).shared).toBe(subject.kind === 'container');
    }
    const container = report.subjects.find(({ kind }) => kind === 'container');
    const mechanisms = new Map(valueOf(container?.mechanisms).map((one) => [one.name, one]));
    expect(mechanisms.get('namespaces')?.detail).toBe('mnt, net, pid, uts, ipc, cgroup');
    expect(mechanisms.get('seccomp')).toMatchObject({ active: true, detail: 'filter' });
    expect(mechanisms.get('unprivileged user')?.detail).toBe('user 1000 of the host');
    expect(mechanisms.get('own kernel')?.active).toBe(false);
    const vm = report.subjects.find(({ kind }) => kind === 'vm');
    const ofVm = new Map(vm === undefined ? [] : valueOf(vm.mechanisms).map((one) => [one.name, one]));
    for (const name of vm === undefined ? [] : ISOLATED)
      expect(ofVm.get(name)).toMatchObject({ active: true });
    if (vm !== undefined) {
      expect(ofVm.get('namespaces')?.detail).toBe('mnt, net, pid, uts, ipc, cgroup');
      expect(ofVm.get('capabilities dropped')?.detail).toMatch(/^(\d+) of \1$/);
      expect(ofVm.get('unprivileged user')?.detail).toMatch(/^user 18[78]\d{7} of the host$/);
    }
    expect(readFileSync(page, 'utf8')).toContain('</html>');
    await expectNothingLeft();
  }, 180_000);

  test('a workload that ends is told with its last words, and the command fails', async () => {
    const { code, report } = await compare([
      '--runs',
      '1',
      '--isolation',
      'container',
      '--probe',
      'echo no; exit 1',
      'ending',
    ]);
    expect(code).toBe(1);
    const [container] = report.subjects;
    expect(container?.failure?.why).toContain('ended with status 3');
    expect(container?.failure?.log).toContain('last words');
    expect(container?.start.cold).toEqual({
      notMeasured: `it did not become ready: ${container?.failure?.why ?? ''}`,
    });
    await expectNothingLeft();
  }, 60_000);

  test('a client that goes leaves nothing behind; meanwhile there is no second comparison', async () => {
    const mark = join(folder, 'probed');
    const child = launch([
      'compare',
      '--isolation',
      'container',
      '--probe',
      `touch ${mark}; sleep 60; exit 1`,
      'web',
    ]);
    const output = collect(child);
    await until(() => existsSync(mark));
    expect((await hull(['ps', '--format', '{{.Names}}'])).stdout).toMatch(/^compare-container-/);
    const second = await hull(['compare', '--probe', 'true', 'web']);
    expect(second).toMatchObject({ code: 1 });
    expect(second.stderr).toContain('a comparison is running already');
    child.kill('SIGINT');
    expect(await ended(child)).toBe(130);
    expect(output.stdout).toBe('');
    for (const deadline = Date.now() + 20_000; (await hull(['ps', '-aq'])).stdout !== '';)
      if (Date.now() > deadline) throw new Error('the instance is still there');
    await until(() => !readdirSync(join(folder, 'd')).some((name) => name.startsWith('compare-')));
    await expectNothingLeft();
    expect(spawnSync('pgrep', ['-f', `touch ${mark}`]).status).toBe(1);
  }, 60_000);

  test.each([
    [['--probe', ' ', 'web'], 'the probe is empty'],
    [['--probe', 'true', 'nosuch'], 'nosuch'],
    [['--probe', 'true', '--machine', 'nosuch', 'web'], 'no machine is named nosuch'],
    [['--probe', 'true', '--isolation', 'jail', 'web'], '"jail" is no isolation'],
    [['--probe', 'true', '--runs', '1000', 'web'], 'the number of runs must be 1 to 100'],
    [['web'], '--probe'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await hull(['compare', ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
