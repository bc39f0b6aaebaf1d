import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { HULL, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

const clean = (): Promise<true> =>
  until('nothing left behind', async () => ((await engine.findings()) === '' ? true : null));

/** The daemon may open `more` descriptors than it has now. */
async function limitDescriptors(more: number | null): Promise<void> {
  const pid = engine.pid;
  const [, limit = ''] = /Max open files +(\d+)/.exec(readFileSync(`/proc/self/limits`, 'utf8')) ?? [];
  const soft = more === null ? limit : readdirSync(`/proc/${pid}/fd`).length + more;
  await engine.host.exec.must(['prlimit', '--pid', String(pid), `--nofile=${soft}:`]);
}

test('while no descriptor is left runs end and begin again; policies and --rm are kept once there are some', async () => {
  const runs = ['--restart', 'always', '--name', 'again', 'busybox', 'sleep', '0.3'];
  await engine.must(['run', '-d', ...runs]);
  await engine.must(['run', '-d', '--rm', '-v', '/anonymous', '--name', 'passing', 'busybox', 'sleep', '1']);
  await limitDescriptors(0);
  await Bun.sleep(4000);
  await limitDescriptors(null);
  await until('the removal', async () =>
    (await engine.must(['ps', '-aq', '--filter', 'name=passing'])) === '' ? true : null,
  );
  const { RestartCount: before } = await engine.inspect('again');
  await until('more restarts', async () => {
    const { RestartCount } = await engine.inspect('again');
    return Number(RestartCount) > Number(before) ? true : null;
  });
  await engine.must(['rm', '-f', 'again']);
  await clean();
}, 120_000);

test('a run whose monitor and process were killed while no daemon watched can be started again', async () => {
  await engine.must(['run', '-d', '-p', '127.0.0.1::80', '--name', 'cut', 'busybox', 'sleep', '1000']);
  const { processes } = engine.host;
  const pid = Number((await engine.inspect('cut')).State['Pid']);
  const monitor = processes.info(pid)?.parent ?? 0;
  expect(processes.command(monitor).join(' ')).toContain('conmon');
  await engine.crash();
  for (const each of [monitor, pid]) processes.kill(each, 9);
  await processes.gone(pid);
  await engine.start();
  expect((await engine.inspect('cut')).State).toMatchObject({ Status: 'exited', ExitCode: 255 });
  await engine.must(['start', 'cut']);
  await engine.must(['exec', 'cut', 'true']);
  await engine.must(['rm', '-f', 'cut']);
  await clean();
}, 60_000);

test('a second daemon for the same folders says by its exit status that it is not needed', async () => {
  const folders = ['--data', engine.data, '--run', engine.run, '--socket', `${engine.folder}/other.sock`];
  const { code, stderr } = await engine.host.exec.run([HULL, 'daemon', ...folders]);
  expect([code, stderr]).toEqual([75, expect.stringContaining('another hull daemon')]);
});
