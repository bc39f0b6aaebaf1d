import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { mechanismsOf } from '../../src/engine/compare/mechanisms.ts';
import { readIsolation } from '../../src/host/process-isolation.ts';
import type { Bundle, Stdio } from '../../src/runtime/runtime.ts';
import { type CpioEntry, MODE, writeCpio } from '../../src/runtime/vm/cpio.ts';
import { findModules, moduleClosure } from '../../src/runtime/vm/kernel-modules.ts';
import { findKernel, kernelPlaces } from '../../src/runtime/vm/kernel.ts';
import { NETWORK_FILES } from '../../src/storage/machine-network.ts';
import { readUntil, VmFixture } from './vm-fixture.ts';

const SLOW = 60_000;
let fixture: VmFixture;

/** A whole operating system, the smallest there is: it takes its address from the command line, tells about itself, and obeys its console. */
const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in $(cat /modules); do insmod /$module.ko; done
sh /network.sh
echo "machine $(cat /proc/sys/kernel/hostname) up"
ip -4 addr | grep inet
ip route
cat /etc/resolv.conf
while read line; do
  echo "heard $line"
  [ "$line" = off ] && poweroff -f
  [ "$line" = crash ] && echo c >/proc/sysrq-trigger
done </dev/console
`;

async function initrd(): Promise<Uint8Array> {
  const modules = findModules(
    `${findKernel(kernelPlaces(fixture.identity.dataDir), process.env['HULL_GUEST_KERNEL']).modules}/kernel`,
  );
  const needed = await moduleClosure(
    ['virtio_pci', 'virtio_net'],
    modules,
    new Set(),
    fixture.host.exec,
    fixture.folder,
  );
  const applets = [
    'sh',
    'mount',
    'cat',
    'insmod',
    'ip',
    'grep',
    'poweroff',
    'echo',
    'basename',
    'sleep',
    'tr',
    'sed',
    'rm',
  ];
  const entries: CpioEntry[] = [
    ...['bin', 'proc', 'sys', 'etc', 'dev'].map((name) => ({ name, mode: MODE.folder })),
    { name: 'dev/console', mode: MODE.characterDevice, device: { major: 5, minor: 1 } },
    { name: 'bin/busybox', mode: MODE.program, data: readFileSync('/bin/busybox') },
    ...applets.map((name) => ({ name: `bin/${name}`, mode: 0o120777, data: Buffer.from('busybox') })),
    { name: 'init', mode: MODE.program, data: Buffer.from(INIT) },
    {
      name: 'network.sh',
      mode: MODE.program,
      data: Buffer.from(NETWORK_FILES[0]?.text ?? ''),
    },
    { name: 'modules', mode: MODE.file, data: Buffer.from(needed.map((module) => module.name).join('\n')) },
    ...needed.map((module) => ({ name: `${module.name}.ko`, mode: MODE.file, data: module.data })),
  ];
  return writeCpio(entries);
}

async function boot(changes: Partial<Bundle> = {}): Promise<Stdio> {
  const bundle = fixture.bundle([], {
    openStdin: true,
    root: {
      kind: 'block',
      root: {
        layout: 'machine',
        disk: {
          path: `${fixture.folder}/scratch.qcow2`,
          format: 'qcow2',
          readOnly: false,
          serial: 'machine',
        },
        kernel: findKernel(kernelPlaces(fixture.identity.dataDir), process.env['HULL_GUEST_KERNEL']).path,
        initrd: `${fixture.folder}/initrd`,
        cmdline: 'quiet panic=-1',
      },
    },
    ...changes,
  });
  await fixture.runtime.create(bundle);
  const stdio = await fixture.runtime.attach(bundle.id);
  await fixture.runtime.start(bundle.id);
  return stdio;
}

beforeAll(async () => {
  fixture = await VmFixture.create();
  writeFileSync(`${fixture.folder}/initrd`, await initrd());
}, SLOW);
afterAll(async () => {
  await fixture.remove();
}, SLOW);

describe('a machine', () => {
  test(
    'boots its own system with the address given, logs its console, is typed on, outlives its daemon, and ends by itself',
    async () => {
      const { network, enterPeer } = await fixture.network();
      const stdio = await boot({ network });
      const said = await readUntil(stdio, 'nameserver 10.77.0.1');
      expect(said).toContain('machine box up');
      expect(said).toContain('inet 10.77.0.2/24');
      expect(said).toContain('default via 10.77.0.1');
      expect(
        (await fixture.host.exec.run([...enterPeer, 'busybox', 'ping', '-c', '1', '-W', '5', '10.77.0.2']))
          .code,
      ).toBe(0);
      const spec = {
        process: { args: ['true'], env: [], cwd: '/', user: '', tty: false },
        openStdin: false,
        privileged: false,
      };
      await expect(fixture.runtime.exec(fixture.id, spec)).rejects.toMatchObject({ code: 'not-supported' });
      const stats = await fixture.runtime.stats(fixture.id);
      expect(stats.cpuNanoseconds).toBeGreaterThan(100_000_000);
      const bundle = fixture.bundle([], { network, openStdin: true });
      const next = fixture.newRuntime();
      expect(await next.adopt(bundle)).toMatchObject({ state: 'running' });
      const again = await next.attach(fixture.id);
      await again.write(Buffer.from('hello\n'));
      await readUntil(again, 'heard hello');
      await again.write(Buffer.from('off\n'));
      expect((await next.wait(fixture.id)).code).toBe(0);
      const log = readFileSync(`${fixture.folder}/run/log`, 'utf8');
      expect(log).toMatch(/^\S+\+00:00 stdout F machine box up\r$/m);
      expect(log.match(/machine box up/g)).toHaveLength(1);
      expect(log).toContain('heard hello');
      await next.delete(fixture.id);
      expect(await next.inventory()).toEqual([]);
    },
    SLOW,
  );

  test(
    'is killed by SIGKILL, and refuses signals that it has no button for',
    async () => {
      const stdio = await boot();
      await readUntil(stdio, 'up');
      const { workload } = await fixture.runtime.hostProcesses(fixture.id);
      const [isolation, host] = [readIsolation(workload[0] ?? 0), readIsolation('self')];
      if (isolation === null || host === null) throw new Error('the machine has no process');
      const unknown = { notMeasured: 'not asked' };
      const rows = mechanismsOf('machine', { workload: isolation, host }, unknown);
      const active = rows.filter((row) => row.active).map(({ name }) => name);
      expect(active).toEqual(
        expect.arrayContaining([
          'namespaces',
          'seccomp',
          'capabilities dropped',
          'no new privileges',
          'unprivileged user',
        ]),
      );
      expect(rows.find(({ name }) => name === 'namespaces')?.detail).toBe('mnt, net, pid, uts, ipc, cgroup');
      await expect(fixture.runtime.signal(fixture.id, 10)).rejects.toMatchObject({ code: 'not-supported' });
      await fixture.runtime.signal(fixture.id, 15);
      await fixture.runtime.signal(fixture.id, 9);
      expect((await fixture.runtime.wait(fixture.id)).code).toBe(137);
      await fixture.runtime.delete(fixture.id);
    },
    SLOW,
  );

  test(
    'has ended badly when its kernel panicked, and says so',
    async () => {
      const stdio = await boot();
      await readUntil(stdio, 'up');
      await stdio.write(Buffer.from('crash\n'));
      expect(await fixture.runtime.wait(fixture.id)).toMatchObject({
        code: 255,
        error: expect.stringContaining('Kernel panic - not syncing: sysrq triggered crash'),
      });
    },
    SLOW,
  );
});
