import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Cgroups } from '../../src/host/cgroup.ts';
import { createHost } from '../../src/host/index.ts';
import { recordsOf } from '../../src/lib/log-batch.ts';
import { createContainerRuntime } from '../../src/runtime/container/index.ts';
import { OciDriver } from '../../src/runtime/container/driver.ts';
import { LogRotator, readLog } from '../../src/runtime/log-file.ts';
import type { Bundle } from '../../src/runtime/runtime.ts';
import { testIdentity } from '../support/identity.ts';
import { makeBusyboxRoot } from './support/container-root.ts';

const host = createHost();
const folder = mkdtempSync(`${tmpdir()}/hull-flt-`);
const identity = testIdentity(folder);
const cgroups = new Cgroups(host, identity);
const runtime = createContainerRuntime({ host, identity, cgroups });
const ALL = { stdout: true, stderr: true, follow: false, tail: null, since: null, until: null };

beforeAll(() => {
  mkdirSync(identity.runDir);
  makeBusyboxRoot(`${folder}/root`);
  host.namespaces.createNet(`${folder}/netns`);
});

afterAll(async () => {
  for (const leftover of await runtime.inventory()) await leftover.remove();
  await cgroups.leave();
  await host.namespaces.removeNet(`${folder}/netns`);
  rmSync(folder, { recursive: true, force: true });
});

function bundleOf(script: string, more: Partial<Bundle> = {}): Bundle {
  const id = randomBytes(32).toString('hex');
  const own = `${folder}/${id.slice(0, 12)}`;
  const runDir = `${identity.runDir}/${id.slice(0, 12)}`;
  for (const path of [own, runDir]) mkdirSync(path);
  for (const name of ['hosts', 'hostname', 'resolv']) writeFileSync(`${own}/${name}`, '');
  return {
    id,
    name: 'fault',
    hostname: 'fault',
    domainname: '',
    process: { args: ['sh', '-c', script], env: ['PATH=/bin'], cwd: '/', user: '', tty: false },
    openStdin: false,
    stdinOnce: false,
    root: { kind: 'mounts', path: `${folder}/root` },
    mounts: [],
    files: { hosts: `${own}/hosts`, hostname: `${own}/hostname`, resolvConf: `${own}/resolv` },
    network: { mode: 'none', namespace: `${folder}/netns`, links: [] },
    resources: {},
    readOnlyRoot: false,
    init: false,
    privileged: false,
    capAdd: [],
    capDrop: [],
    options: {},
    runDir,
    log: { path: `${own}/log`, hardLimit: 1_000_000 },
    ...more,
  };
}

async function outputOf(bundle: Bundle): Promise<string> {
  const pieces = (await Array.fromAsync(readLog(bundle.log.path, ALL))).flatMap((batch) => [
    ...recordsOf(batch),
  ]);
  return Buffer.concat(pieces.map(({ data }) => data)).toString();
}

async function run(script: string, more: Partial<Bundle> = {}): Promise<string> {
  const bundle = bundleOf(script, more);
  await runtime.create(bundle);
  await runtime.start(bundle.id);
  await runtime.wait(bundle.id);
  await runtime.delete(bundle.id);
  return await outputOf(bundle);
}

/** Another process starts the container and is killed. */
async function startElsewhere(bundle: Bundle): Promise<void> {
  const starter = Bun.spawn([process.execPath, `${import.meta.dir}/support/container-starter.ts`], {
    stdin: new TextEncoder().encode(JSON.stringify({ identity, bundle })),
    stdout: 'inherit',
    stderr: 'inherit',
  });
  await starter.exited;
  expect(starter.signalCode).toBe('SIGKILL');
}

test('a container outlives its daemon; its exit status and output come to the next', async () => {
  const bundle = bundleOf('echo before; sleep 0.5; echo after; exit 3');
  await startElsewhere(bundle);
  const adopted = await runtime.adopt(bundle);
  expect(adopted.state).toBe('running');
  expect(await runtime.wait(bundle.id)).toMatchObject({ code: 3 });
  expect(await outputOf(bundle)).toBe('before\nafter\n');
  await runtime.delete(bundle.id);
});

test('an exit that no daemon saw is found', async () => {
  const bundle = bundleOf('echo done; exit 4');
  await startElsewhere(bundle);
  const exitFile = `${identity.runDir}/exits/${bundle.id}`;
  for (let count = 0; count < 400 && statSync(exitFile, { throwIfNoEntry: false }) === undefined; count += 1)
    await Bun.sleep(5);
  expect(await runtime.adopt(bundle)).toEqual({ state: 'exited' });
  expect(await runtime.wait(bundle.id)).toMatchObject({ code: 4 });
  expect(await outputOf(bundle)).toBe('done\n');
  await runtime.delete(bundle.id);
});

test('a killed monitor: the wait ends, and delete leaves nothing', async () => {
  const bundle = bundleOf('sleep 100');
  await runtime.create(bundle);
  await runtime.start(bundle.id);
  const { helpers } = await runtime.hostProcesses(bundle.id);
  for (const pid of helpers) host.processes.kill(pid, 9);
  expect((await runtime.wait(bundle.id)).code).toBe(137);
  await runtime.delete(bundle.id);
  const left = (await runtime.inventory()).filter(({ owner }) => owner === bundle.id);
  expect(left.map(({ what }) => what)).toEqual([]);
});

test('Docker’s confinement: capabilities, seccomp, masked paths; none of it when privileged', async () => {
  const confined = await run(
    'grep -E "^(CapEff|Seccomp):" /proc/self/status; head -c 1 /proc/kcore; ls /dev',
  );
  expect(confined).toMatch(/CapEff:\t00000000a80425fb\nSeccomp:\t2\n/);
  expect(confined).not.toContain('kmsg');
  const privileged = await run('grep -E "^(CapEff|Seccomp):" /proc/self/status; ls /dev', {
    privileged: true,
  });
  expect(privileged).toMatch(/Seccomp:\t0\n/);
  expect(privileged).not.toContain('00000000a80425fb');
  expect(privileged).toContain('kmsg');
});

test('added and dropped capabilities', async () => {
  expect(await run('grep CapEff /proc/self/status', { capDrop: ['ALL'], capAdd: ['NET_ADMIN'] })).toContain(
    '0000000000001000',
  );
});

test('a link in the account files cannot lead out of the root', async () => {
  const outside = `${folder}/outside`;
  writeFileSync(outside, 'mallory:x:0:0::/:/bin/sh\n');
  const root = `${folder}/linked`;
  makeBusyboxRoot(root);
  rmSync(`${root}/etc/passwd`);
  symlinkSync(outside, `${root}/etc/passwd`);
  const bundle = bundleOf('true', {
    root: { kind: 'mounts', path: root },
    process: { args: ['true'], env: [], cwd: '/', user: 'mallory', tty: false },
  });
  await expect(runtime.create(bundle)).rejects.toThrow('unable to find user mallory');
});

test('the log stays bounded, with a daemon and without, and keeps the latest lines', async () => {
  const hardLimit = 200_000;
  const bundle = bundleOf('yes 0123456789 | head -n 40000; echo last', {
    log: { path: `${folder}/big-log`, hardLimit },
  });
  const rotator = new LogRotator({ files: 2 });
  await runtime.create(bundle);
  rotator.watch(bundle.log.path);
  await runtime.start(bundle.id);
  await runtime.wait(bundle.id);
  await Bun.sleep(100);
  rotator.close();
  await runtime.delete(bundle.id);
  const output = await outputOf(bundle);
  expect(output).toEndWith('0123456789\nlast\n');
  for (const name of ['', '.0', '.1'])
    expect(statSync(`${bundle.log.path}${name}`).size).toBeLessThanOrEqual(hardLimit);
  expect(readFileSync(bundle.log.path).length).toBeGreaterThan(0);
});

test('an idle container costs at most 2 MB of engine processes', async () => {
  const bundle = bundleOf('sleep 100');
  await runtime.create(bundle);
  await runtime.start(bundle.id);
  const { helpers } = await runtime.hostProcesses(bundle.id);
  const pss = helpers.reduce((sum, pid) => sum + (host.processes.info(pid)?.pss ?? 0), 0);
  await runtime.delete(bundle.id);
  expect(pss).toBeGreaterThan(0);
  expect(pss).toBeLessThan(2 << 20);
});

test('a runtime that is not installed hinders no search for what was left', async () => {
  const missing = new OciDriver({
    host,
    identity,
    isolation: 'container',
    cgroups,
    choose: () => Promise.resolve({ available: false, reason: 'crun is not installed' }),
  });
  const bundle = bundleOf('sleep 100');
  await runtime.create(bundle);
  await runtime.start(bundle.id);
  const found = (await missing.inventory()).filter(({ owner }) => owner === bundle.id);
  expect(found.map(({ kind }) => kind).sort()).toEqual(['cgroup', 'process']);
  await runtime.delete(bundle.id);
  expect((await missing.inventory()).filter(({ owner }) => owner === bundle.id)).toEqual([]);
});
