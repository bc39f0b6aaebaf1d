import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readUntil, VmFixture } from './vm-fixture.ts';

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
