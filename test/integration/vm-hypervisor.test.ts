import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import type { Bundle, RunFact } from '../../src/runtime/runtime.ts';
import { until } from '../support/until.ts';
import { collect, readUntil, VmFixture } from './vm-fixture.ts';

const SLOW = 180_000;
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

/** Its writable disk lies where there is little room. */
function onSmallDisk(folder: string, args: readonly string[]): Bundle {
  const bundle = fixture.bundle(args);
  if (bundle.root.kind !== 'block' || bundle.root.root.layout !== 'layered') throw new Error('no disks');
  const { root } = bundle.root;
  const scratch = { ...root.scratch, path: `${folder}/scratch.qcow2` };
  return { ...bundle, root: { kind: 'block', root: { ...root, scratch } } };
}

describe('what the hypervisor says', () => {
  test(
    'a VM on a full disk of the host says that it stands still, to the next daemon too, and goes on by itself when there is room',
    async () => {
      const small = `${fixture.folder}/small`;
      mkdirSync(small);
      await fixture.host.exec.must(['mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]);
      try {
        await fixture.host.exec.must(['cp', `${fixture.folder}/scratch.qcow2`, small]);
        const facts: (string | null)[] = [];
        const hear = (_: string, fact: RunFact): void => void facts.push(fact.text);
        fixture.runtime.onFact(hear);
        const script = 'dd if=/dev/zero of=/big bs=1M count=24 conv=fsync 2>/dev/null && echo written';
        const bundle = onSmallDisk(small, ['sh', '-c', script]);
        await fixture.run(bundle);
        await until(
          'word of a full disk',
          async () => (facts.at(-1)?.includes('disk is full') === true ? true : null),
          60_000,
        );
        const next = fixture.newRuntime();
        facts.length = 0;
        next.onFact(hear);
        expect(await next.adopt(bundle)).toMatchObject({ state: 'running' });
        await until(
          'word of a full disk',
          async () => (facts.at(-1)?.includes('disk is full') === true ? true : null),
          60_000,
        );
        await fixture.host.exec.must(['mount', '-o', 'remount,size=200m', small]);
        // It may have ended by the time that somebody hears that it goes on.
        const ended = next.wait(fixture.id);
        let over = false;
        void ended.then(() => (over = true));
        await until(
          'word that it goes on',
          async () => (facts.includes(null) || over ? true : null),
          100_000,
        );
        expect((await ended).code).toBe(0);
        await next.delete(fixture.id);
      } finally {
        await fixture.runtime.delete(fixture.id);
        await fixture.host.exec.must(['umount', small]);
      }
    },
    SLOW,
  );

  test(
    'a panic of the guest’s kernel is an end with a status and a reason of its own, and so is the death of QEMU',
    async () => {
      const crash = ['sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 60'];
      const { runtime, stdio } = await fixture.run(fixture.bundle(crash, { privileged: true }));
      await collect(stdio.output);
      expect(await runtime.wait(fixture.id)).toMatchObject({
        code: 255,
        error: expect.stringContaining('Kernel panic - not syncing: sysrq triggered crash'),
      });
      await runtime.delete(fixture.id);
      await fixture.newScratch();
      await fixture.run(fixture.bundle(['sleep', '60']));
      const [qemu = 0] = (await runtime.hostProcesses(fixture.id)).workload;
      process.kill(qemu, 'SIGKILL');
      const exit = await runtime.wait(fixture.id);
      expect(exit).toMatchObject({ code: 137, error: expect.stringContaining('killed or crashed') });
    },
    SLOW,
  );

  test(
    'the clock of a guest is the host’s again after a pause, one that outlived its daemon too',
    async () => {
      const bundle = fixture.bundle(['sh', '-c', 'echo up; sleep 100']);
      const { runtime, stdio } = await fixture.run(bundle);
      await readUntil(stdio, 'up');
      const behind = async (): Promise<number> =>
        Math.floor(Date.now() / 1000) - Number((await fixture.exec(['date', '+%s'])).stdout);
      // A rate that the guest measures for itself, on a busy host, may be any.
      const told = /tsc_early_khz=(\d+)/.exec((await fixture.exec(['cat', '/proc/cmdline'])).stdout);
      const measured = /cpu MHz\s*: ([\d.]+)/.exec((await fixture.exec(['cat', '/proc/cpuinfo'])).stdout);
      expect(Number(told?.[1]) / 1000 / Number(measured?.[1])).toBeCloseTo(1, 3);
      await runtime.pause(fixture.id);
      await Bun.sleep(5_000);
      await runtime.resume(fixture.id);
      expect(Math.abs(await behind())).toBeLessThanOrEqual(2);
      await runtime.pause(fixture.id);
      await Bun.sleep(5_000);
      const next = fixture.newRuntime();
      expect(await next.adopt(bundle)).toMatchObject({ state: 'running', paused: true });
      await next.resume(fixture.id);
      expect(Math.abs(await behind())).toBeLessThanOrEqual(2);
    },
    SLOW,
  );
});
