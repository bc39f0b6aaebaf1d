import { accessSync, constants } from 'node:fs';
import { expect, test } from 'bun:test';
import { readIsolation } from '../../src/host/process-isolation.ts';
import { userOf } from '../../src/runtime/vm/jail.ts';
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
    const guests = (): readonly number[] =>
      engine.host.processes
        .list()
        .filter((pid) => /^\S*qemu-system/.test(engine.host.processes.command(pid).join(' ')))
        .filter((pid) => engine.host.processes.command(pid).some((word) => word.includes('kvm-probe')));
    try {
      const asked = engine.docker(['info']);
      await until('the guest', async () => (probes().length > 0 ? true : null), 10_000);
      await engine.crash();
      expect(probes()).not.toEqual([]);
      const users = guests().map((pid) => [readIsolation(pid)?.user, readIsolation(pid)?.capabilities]);
      expect(users).toEqual(guests().map((pid) => [userOf(pid), 0]));
      await asked;
      await until('the end of the guest', async () => (probes().length === 0 ? true : null), 10_000);
    } finally {
      await engine.destroy();
    }
  },
  30_000,
);
