import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { collect, readUntil, VmFixture } from './vm-fixture.ts';

const SLOW = 90_000;
let fixture: VmFixture;

beforeAll(async () => {
  fixture = await VmFixture.create();
}, SLOW);
afterAll(async () => {
  await fixture.remove();
}, SLOW);
afterEach(async () => {
  await fixture.runtime.delete(fixture.id);
  await fixture.newScratch();
}, SLOW);

/** Bytes of all that lies in the run folder and of the log, now. */
function recorded(): number {
  const { folder, id } = fixture;
  const own = readdirSync(`${folder}/run/${id}`).map((name) => `${folder}/run/${id}/${name}`);
  const logs = readdirSync(`${folder}/run`).filter((name) => name.startsWith('log'));
  const files = [...own, ...logs.map((name) => `${folder}/run/${name}`)];
  return files.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

describe('what a VM says', () => {
  test(
    'has a bound, without a daemon too, and whatever root of the guest writes to which port',
    async () => {
      // A privileged workload has every device of its guest: this is what a hostile guest kernel can do.
      const flood =
        'for port in /dev/vport* /dev/ttyS0 /dev/kmsg; do yes xxxxxxxxxxxxxxxxxxxxxxxxxxx >$port 2>/dev/null & done';
      const script = `ls /dev/vport*; ${flood}; echo flooding; yes; wait`;
      const log = { path: `${fixture.folder}/run/log`, hardLimit: 1 << 20 };
      const bundle = fixture.bundle(['sh', '-c', script], { privileged: true, log });
      const { stdio, runtime } = await fixture.run(bundle);
      expect(await readUntil(stdio, 'flooding')).toMatch(/vport\dp1\n\S*vport\dp2\n\S*vport\dp3/);
      runtime.disconnect();
      const seconds = Number(process.env['HULL_TEST_FLOOD_SECONDS'] ?? 6);
      let most = 0;
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await Bun.sleep(100))
        most = Math.max(most, recorded());
      // It was full again and again: what was written is far more than what is kept.
      expect(most).toBeGreaterThan(500_000);
      expect(most).toBeLessThan((1 << 20) + 2 * 128 * 1024 + 4096 + 64 * 1024);
      const exit = readFileSync(`${fixture.folder}/run/${fixture.id}/exit`);
      expect(exit.length).toBeLessThanOrEqual(4096);
      console.log(`${seconds} s: at most ${most} bytes`);
    },
    SLOW,
  );
});

/** What root of a workload tries to become root of its guest's kernel, or to reach what is the agent's. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  'write core_pattern': "echo '|/bin/sh' >/proc/sys/kernel/core_pattern",
  'write core_pattern through a proc of its own':
    'mkdir /p; mount -t proc proc /p && echo x >/p/sys/kernel/core_pattern',
  'press sysrq': 'echo h >/proc/sysrq-trigger',
  'read kernel memory': '[ $(head -c 1 /proc/kcore | wc -c) = 1 ]',
  'see the firmware': '[ -n "$(ls /sys/firmware)" ]',
  'write to /sys': 'echo 1 >/sys/block/vda/queue/read_ahead_kb',
  'make a control group': 'mkdir /sys/fs/cgroup/mine',
  'raise its own limit': 'echo max >/sys/fs/cgroup/pids.max',
  'read the disk': 'mknod /vda b $(number /sys/block/vda) && head -c 1 /vda',
  'mount the disk again': 'mkdir /again; mount -t erofs /vda /again',
  'open physical memory': 'mknod /mem c 1 1; head -c 1 /mem',
  'open the kernel log': 'mknod /kmsg c 1 11; echo x >/kmsg',
  'open the serial console': 'mknod /serial c 4 64; echo x >/serial',
  'open the console': 'mknod /console c 5 1; echo x >/console',
  'open a port':
    'for port in /sys/class/virtio-ports/*; do mknod /port-${port##*/} c $(number $port); done; echo x >/port-vport2p1 || echo x >/port-vport2p2 || echo x >/port-vport2p3 || cat /port-*',
  'load a module': '[ $(cat /proc/sys/kernel/modules_disabled) = 0 ]',
  'make a user namespace': 'unshare -Ur true',
  'see the agent': '[ -e /modules ] || [ -e /dev/vport2p1 ] || [ $(ps | wc -l) -gt 9 ]',
};

describe('root of a workload', () => {
  test(
    'does not become root of the guest, and has the devices that a container has',
    async () => {
      const script = [
        'number() { sed "s/:/ /" $1/dev; }',
        ...Object.entries(ATTEMPTS).map(
          ([name, attempt]) =>
            `if (${attempt}) >/dev/null 2>&1; then echo "DONE ${name}"; else echo "refused ${name}"; fi`,
        ),
        'ls /sys/class/virtio-ports | wc -l; ls /port-* | wc -l',
        'for device in 3 5 8 9; do mknod /tmp/d$device c 1 $device && head -c 1 /tmp/d$device >/dev/null && echo device $device; done',
        'echo x >/dev/null && head -c 2 /dev/zero | wc -c; cat /proc/sys/kernel/core_pattern',
      ].join('\n');
      const { stdio, runtime } = await fixture.run(fixture.bundle(['sh', '-c', script]));
      const { stdout, stderr } = await collect(stdio.output);
      const refused = Object.keys(ATTEMPTS).map((name) => `refused ${name}`);
      expect(stdout.trimEnd().split('\n')).toEqual([
        ...refused,
        '3',
        '3',
        'device 3',
        'device 5',
        'device 8',
        'device 9',
        '2',
        'core',
      ]);
      expect(stderr).toBe('');
      expect((await runtime.wait(fixture.id)).code).toBe(0);
    },
    SLOW,
  );
});
