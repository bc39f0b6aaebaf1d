import { accessSync, constants } from 'node:fs';
import { expect, test } from 'bun:test';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const NO_KVM = ((): string | null => {
  if (NO_VMS !== null) return NO_VMS;
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return 'there is no /dev/kvm';
  }
})();

test.skipIf(NO_KVM !== null)(
  `a guest that was booted to try KVM ends though its daemon has gone before (skipped: ${NO_KVM ?? 'no'})`,
  async () => {
    const engine = new TestEngine();
    await engine.start();
    const probes = (): readonly number[] =>
      engine.host.processes
        .list()
        .filter((pid) => engine.host.processes.command(pid).some((word) => word.includes(engine.folder)));
    // Answers while it is still being tried.
    expect((await engine.docker(['info'])).code).toBe(0);
    await engine.crash();
    expect(probes()).not.toEqual([]);
    await until('the end of the guest', async () => (probes().length === 0 ? true : null), 6000);
    await engine.start();
    await engine.destroy();
  },
  30_000,
);
