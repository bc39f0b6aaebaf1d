import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename } from 'node:path';
import { readIsolation } from '../../src/host/process-isolation.ts';
import type { Bundle } from '../../src/runtime/runtime.ts';
import { FIRST_USER, startJailed, userOf } from '../../src/runtime/vm/jail.ts';
import { QmpClient } from '../../src/runtime/vm/qmp.ts';
import { readRecord, runFiles, type VmRecord } from '../../src/runtime/vm/vm-record.ts';
import { defaultPrograms, VmRuntime } from '../../src/runtime/vm/vm-runtime.ts';
import { until } from '../support/until.ts';
import { VmFixture } from './vm-fixture.ts';

/** What QEMU and virtiofsd may reach of the host, read from /proc and tried over a real monitor. */
const SLOW = 90_000;
/** NET_BIND_SERVICE and up are not among them: files and users alone (capabilities(7)). */
const OF_FILES = new Set([0, 1, 2, 3, 4, 6, 7, 27, 31]);

let fixture: VmFixture;
let record: VmRecord;
let bundle: Bundle;
let engine: Server;
let port = 0;
let callers = 0;

beforeAll(async () => {
  fixture = await VmFixture.create();
  mkdirSync(`${fixture.folder}/shared`);
  writeFileSync(`${fixture.folder}/shared/theirs`, 'theirs\n', { mode: 0o600 });
  chownSync(`${fixture.folder}/shared/theirs`, 1000, 1001);
  writeFileSync(`${fixture.folder}/secret`, `${'secret!!'.repeat(512)}`, { mode: 0o644 });
  for (const name of ['image.erofs', 'scratch.qcow2']) chmodSync(`${fixture.folder}/${name}`, 0o600);
  const mount = (source: string, target: string, readOnly: boolean): Bundle['mounts'][number] => ({
    type: 'bind',
    source: `${fixture.folder}/${source}`,
    target,
    readOnly,
    options: [],
  });
  const mounts = [mount('shared', '/shared', false), mount('secret', '/secret', true)];
  bundle = fixture.bundle(['sleep', '1000'], { mounts });
  await fixture.run(bundle);
  const found = readRecord(bundle.runDir);
  if (found === null) throw new Error('the VM has no record');
  record = found;
  engine = createServer((socket) => {
    callers += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => engine.listen(`${fixture.folder}/engine.sock`, resolve));
  const local = createServer((socket) => {
    callers += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve));
  local.unref();
  const address = local.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
}, SLOW);
afterAll(async () => {
  engine.close();
  await fixture.remove();
}, SLOW);

/** A field of /proc/PID/status. */
const status = (pid: number, field: string): string =>
  readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${field}:`))
    ?.slice(field.length + 1)
    .trim() ?? '';

function capabilities(pid: number, set: string): number[] {
  const bits = BigInt(`0x${status(pid, set)}`);
  return Array.from({ length: 64 }, (_, number) => number).filter((number) => (bits >> BigInt(number)) & 1n);
}

/** Mount points as the process sees them, with their options. */
function mountsOf(pid: number): { target: string; options: string[] }[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map((fields) => ({ target: fields[4] ?? '', options: (fields[5] ?? '').split(',') }));
}

function ownNamespaces(pid: number): string[] {
  const [theirs, ours] = [readIsolation(pid), readIsolation('self')];
  return [...(theirs?.namespaces ?? [])]
    .filter(([name, id]) => ours?.namespaces.get(name) !== id)
    .map(([name]) => name)
    .toSorted();
}

/** Ways from the monitor to the host; each must be refused, and succeeds with a QEMU that is started as any other program. */
function attacks(client: QmpClient, loot: string): Record<string, () => Promise<unknown>> {
  const run = (command: string, given: Record<string, unknown>) => () => client.execute(command, given);
  const chardev = (id: string, data: Record<string, unknown>) =>
    run('chardev-add', { id, backend: { type: 'socket', data: { addr: data, server: false } } });
  /** The human monitor answers with what went wrong, or with nothing. */
  const human = (line: string) => async () => {
    const said = await client.execute('human-monitor-command', { 'command-line': line });
    if (said !== '') throw new Error(String(said));
  };
  const file = (id: string, filename: string) =>
    run('blockdev-add', { driver: 'file', 'node-name': id, filename, 'read-only': true });
  return {
    'reading /etc/shadow': file('shadow', '/etc/shadow'),
    'reading a file that everybody may read': file('secret', `${fixture.folder}/secret`),
    'memory from a file': run('object-add', {
      'qom-type': 'memory-backend-file',
      id: 'stolen',
      size: 4096,
      'mem-path': `${fixture.folder}/secret`,
      readonly: true,
    }),
    'writing guest memory to a file': run('pmemsave', { val: 0, size: 4096, filename: `${loot}/memory` }),
    'dumping the guest': run('dump-guest-memory', { paging: false, protocol: `file:${loot}/dump` }),
    'a file as output': run('chardev-add', {
      id: 'out',
      backend: { type: 'file', data: { out: `${loot}/out` } },
    }),
    'the human monitor': human(`pmemsave 0 4096 "${loot}/human"`),
    'a socket of the host': chardev('sock', {
      type: 'unix',
      data: { path: `${fixture.folder}/engine.sock` },
    }),
    'a port of the host': chardev('port', { type: 'inet', data: { host: '127.0.0.1', port: String(port) } }),
  };
}

/** Of a regular file, with its file system; '' of anything else. */
function inodeOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? `${stats.dev}:${stats.ino}` : '';
}

function opensForWriting(pid: number, fd: string): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
}

describe('QEMU', () => {
  test('is a user of its own with no capability, no way to more, and a filter of system calls', () => {
    const { pid } = record.qemu;
    expect(readIsolation(pid)).toMatchObject({ user: userOf(pid), seccomp: 2, noNewPrivileges: true });
    expect(status(pid, 'Uid')).toBe(
      Array(4)
        .fill(FIRST_USER + pid)
        .join('\t'),
    );
    expect(status(pid, 'Gid')).toBe(
      Array(4)
        .fill(FIRST_USER + pid)
        .join('\t'),
    );
    expect(status(pid, 'Groups')).toBe('');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(capabilities(pid, set)).toEqual([]);
    expect(Number(status(pid, 'Seccomp_filters'))).toBeGreaterThan(1);
    expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
  });

  test('lives in namespaces of its own, where it sees its programs and its kernel, and can write nothing', () => {
    const { pid } = record.qemu;
    expect(ownNamespaces(pid)).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts']);
    const mounts = mountsOf(pid);
    expect(
      mounts.filter(({ options }) => !['ro', 'nosuid', 'nodev'].every((one) => options.includes(one))),
    ).toEqual([]);
    const foreign = mounts
      .map(({ target }) => target)
      .filter((target) => !/^\/($|kernel$|initrd$|usr\/|lib\/|lib64\/|etc\/ld\.so\.cache$)/.test(target));
    expect(foreign).toEqual([]);
    expect(
      readdirSync(`/proc/${pid}/root`).filter(
        (name) => !['usr', 'lib', 'lib64', 'etc', 'kernel', 'initrd'].includes(name),
      ),
    ).toEqual([]);
  });

  test(
    'gives whoever has its monitor nothing of the host',
    async () => {
      fixture.runtime.disconnect();
      const client = await QmpClient.connect(runFiles.monitor(bundle.runDir), 5000);
      const loot = `${fixture.folder}/loot`;
      mkdirSync(loot, { mode: 0o777 });
      try {
        const open: string[] = [];
        for (const [name, attack] of Object.entries(attacks(client, loot))) {
          await attack().then(
            () => open.push(name),
            () => undefined,
          );
        }
        expect(open).toEqual([]);
        // It goes on all the same.
        expect(await client.execute('query-status')).toMatchObject({ status: 'running' });
        // The end of it, perhaps: QEMU's own filter kills what starts a program.
        await client.execute('migrate', { uri: `exec:touch ${loot}/program` }).catch(() => undefined);
        await Bun.sleep(300);
      } finally {
        client.close();
      }
      expect(readdirSync(loot)).toEqual([]);
      expect(callers).toBe(0);
    },
    SLOW,
  );

  test(
    'would give all of that without its jail',
    async () => {
      const loot = `${fixture.folder}/control`;
      mkdirSync(loot);
      const monitor = `${loot}.sock`;
      const child = fixture.host.exec.spawn([
        ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-S', '-m', '16'],
        ...['-qmp', `unix:${monitor},server=on,wait=off`],
      ]);
      try {
        const client = await QmpClient.connect(monitor, 30_000);
        for (const [name, attack] of Object.entries(attacks(client, loot)))
          expect({ [name]: await attack().then(() => 'open', String) }).toEqual({ [name]: 'open' });
        client.close();
        expect(readdirSync(loot).toSorted()).toEqual(['dump', 'human', 'memory', 'out']);
        await until('both calls', async () => (callers === 2 ? true : null), 5000);
      } finally {
        child.kill('SIGKILL');
        await child.exited;
      }
    },
    SLOW,
  );
});

describe('virtiofsd', () => {
  test('sees the shared folder alone, with the capabilities that files and users take', () => {
    const served = record.helpers.filter(({ pid }) =>
      fixture.host.processes.command(pid).some((word) => word.startsWith('--fd=')),
    );
    expect(served).toHaveLength(2);
    const roots = served.map(({ pid }) => readdirSync(`/proc/${pid}/root`).toSorted());
    expect(roots).toEqual([['theirs'], ['secret']]);
    for (const { pid } of served) {
      expect(ownNamespaces(pid)).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts']);
      expect(readIsolation(pid)).toMatchObject({ seccomp: 2, noNewPrivileges: true });
      expect(capabilities(pid, 'CapEff').filter((number) => !OF_FILES.has(number))).toEqual([]);
      const writable = mountsOf(pid).filter(({ options }) => !options.includes('ro'));
      expect(writable.length).toBeLessThanOrEqual(1);
      for (const { options } of mountsOf(pid)) expect(options).toContain('nodev');
    }
  });
});

test('nobody who works for a guest writes to a file of the run folder: the recorder does, within its bounds', () => {
  const files = new Set(readdirSync(bundle.runDir).map((name) => inodeOf(`${bundle.runDir}/${name}`)));
  const written = (pid: number): string[] =>
    readdirSync(`/proc/${pid}/fd`)
      .map((fd) => ({ fd, inode: inodeOf(`/proc/${pid}/fd/${fd}`) }))
      .filter(({ fd, inode }) => inode !== '' && files.has(inode) && opensForWriting(pid, fd))
      .map(({ fd }) => basename(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  const recorder = record.recorder?.pid ?? 0;
  expect(written(recorder)).toContain(basename(runFiles.shares(bundle.runDir)));
  const others = [record.qemu, ...record.helpers].map(({ pid }) => pid).filter((pid) => pid !== recorder);
  expect(others.flatMap(written)).toEqual([]);
});

describe('a jail', () => {
  test('that the host refuses is told before a VM is wanted', async () => {
    const programs = { ...defaultPrograms(process.execPath), jailProgram: '/bin/false' };
    const runtime = new VmRuntime(fixture.host, fixture.identity, { ...programs, ...fixture.kernel });
    expect(await runtime.probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining('cannot be confined on this host'),
    });
  });

  test('that cannot be made whole starts nothing, and says what the host refuses', async () => {
    const jailer = { host: fixture.host, jailProgram: defaultPrograms(process.execPath).jailProgram };
    const mark = `${fixture.folder}/mark`;
    const jail = {
      network: null,
      log: mark,
      descriptors: [],
      places: [{ source: '/bin/busybox', at: '/busybox' }],
    };
    const command = ['/busybox', 'true'];
    await expect(
      startJailed(jailer, { ...jail, network: `${fixture.folder}/secret` }, command),
    ).rejects.toMatchObject({ code: 'start-failed', message: expect.stringContaining('network namespace') });
    await expect(
      startJailed(jailer, { ...jail, places: [{ source: '/no/such', at: '/busybox' }] }, command),
    ).rejects.toMatchObject({ message: expect.stringContaining('/no/such') });
    // Without the right to make namespaces.
    const refused = await fixture.host.exec.run([
      ...['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin', jailer.jailProgram],
      ...['--log', mark, '--file', '/bin/busybox', '/busybox', '--', ...command],
    ]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('namespaces') });
  });

  test('refuses calls that neither QEMU nor virtiofsd makes, and those that nobody knew', async () => {
    const jailer = { host: fixture.host, jailProgram: defaultPrograms(process.execPath).jailProgram };
    writeFileSync(`${fixture.folder}/calls.c`, CALLS);
    const program = `${fixture.folder}/calls`;
    await fixture.host.exec.must(['gcc', '-static', '-o', program, `${program}.c`]);
    const log = `${fixture.folder}/calls.log`;
    const places = [{ source: program, at: '/calls' }];
    // As root with every capability, so that it is the filter that refuses.
    const keep = Array.from({ length: 41 }, (_, number) => number);
    await startJailed(jailer, { network: null, log, keep, descriptors: [], places }, ['/calls']);
    while (!existsSync(log) || !readFileSync(log, 'utf8').includes('over')) await Bun.sleep(10);
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
      ...[
        'user namespace 1',
        'mount namespace 1',
        'clone 1',
        'clone3 38',
        'internet 97',
        'netlink 97',
        'unix 0',
      ],
      ...[
        'mount 1',
        'ptrace 1',
        'bpf 1',
        'perf 1',
        'keyctl 1',
        'io_uring 1',
        'setns 1',
        'open_tree 1',
        'new 38',
      ],
      'over',
    ]);
    expect(statSync(log).mode & 0o777).toBe(0o600);
  });
});

/** Makes each call and prints its errno. */
const CALLS = `
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TRY(name, call) do { errno = 0; long got = (call); printf("%s %d\\n", name, got < 0 ? errno : 0); } while (0)
int main(void) {
  TRY("user namespace", unshare(CLONE_NEWUSER));
  TRY("mount namespace", unshare(CLONE_NEWNS));
  TRY("clone", syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
  TRY("clone3", syscall(435, 0, 0));
  TRY("internet", socket(AF_INET, SOCK_STREAM, 0));
  TRY("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
  TRY("unix", socket(AF_UNIX, SOCK_STREAM, 0));
  TRY("mount", syscall(SYS_mount, 0, 0, 0, 0, 0));
  TRY("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
  TRY("bpf", syscall(SYS_bpf, 0, 0, 0));
  TRY("perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
  TRY("io_uring", syscall(425, 1, 0));
  TRY("setns", setns(0, 0));
  TRY("open_tree", syscall(428, -100, "/", 0));
  TRY("new", syscall(500));
  printf("over\\n");
}
`;
