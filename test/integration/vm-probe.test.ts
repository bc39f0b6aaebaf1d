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
    const { processes } = engine.host;
    const has = (pid: number, text: string): boolean =>
      processes.command(pid).some((word) => word.includes(text));
    /** hull-jail, which names the engine's files and the guest, is the parent of the guest, which names no file. */
    const guest = (): number | undefined => {
      const jails = processes.list().filter((pid) => has(pid, engine.folder) && has(pid, 'kvm-probe'));
      return processes
        .list()
        .filter((pid) => has(pid, 'kvm-probe') && !has(pid, engine.folder))
        .find((pid) => jails.includes(processes.info(pid)?.parent ?? 0));
    };
    try {
      const asked = engine.docker(['info']);
      const pid = await until('the guest', async () => guest() ?? null, 15_000);
      expect(readIsolation(pid)).toMatchObject({ user: userOf(pid), capabilities: 0 });
      await engine.crash();
      expect(processes.alive(pid)).toBe(true);
      await asked;
      await until('the end of the guest', async () => (processes.alive(pid) ? null : true), 10_000);
    } finally {
      await engine.destroy();
    }
  },
  30_000,
);
