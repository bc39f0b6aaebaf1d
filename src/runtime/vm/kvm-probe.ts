import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { PROBE, vmName } from './inventory.ts';
import type { GuestKernel } from './kernel.ts';
import { isRecord } from './qmp.ts';

export interface Acceleration {
  readonly accelerator: 'kvm' | 'tcg';
  /** Why it is not KVM, for the user. */
  readonly warning: string | null;
}

/** Seconds. A guest under KVM is through in half a second; one that hangs never is. */
const PROBE_DEADLINE = 3;
const SLOW = 'VMs run on emulation (TCG), several times slower';

/**
 * Can KVM run a guest? `/dev/kvm` existing does not say so: on some nested hosts a kernel hangs in its first instructions. So a real guest is
 * booted, once per boot of the host and guest kernel; the answer is kept in the volatile folder.
 */
export async function probeAcceleration(
  host: Host,
  identity: EngineIdentity,
  guest: GuestKernel,
): Promise<Acceleration> {
  const { runDir } = identity;
  const refused = openProblem();
  if (refused !== null) return { accelerator: 'tcg', warning: `KVM is not available (${refused}): ${SLOW}` };
  const key = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${guest.version}`;
  const memory = `${runDir}/kvm-probe.json`;
  const works = remembered(memory, key) ?? (await bootOnce(host, identity, guest));
  writeFileSync(`${memory}.new`, JSON.stringify({ key, works }), { mode: 0o600 });
  renameSync(`${memory}.new`, memory);
  if (works) return { accelerator: 'kvm', warning: null };
  return { accelerator: 'tcg', warning: `/dev/kvm is there but a guest does not boot with it: ${SLOW}` };
}

function openProblem(): string | null {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
      ? 'there is no /dev/kvm'
      : '/dev/kvm cannot be opened';
  }
}

function remembered(path: string, key: string): boolean | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(value) && value['key'] === key && typeof value['works'] === 'boolean'
      ? value['works']
      : null;
  } catch {
    return null;
  }
}

/** Boots kernel and agent far enough that the agent says so on the console, and powers off. */
async function bootOnce(host: Host, identity: EngineIdentity, guest: GuestKernel): Promise<boolean> {
  const folder = mkdtempSync(`${identity.runDir}/probe-`);
  const output = `${folder}/console`;
  // timeout(1) ends it also when this daemon ends first: a guest that hangs does so for ever.
  const child = host.exec.spawn([
    ...['timeout', '--signal=KILL', String(PROBE_DEADLINE)],
    host.exec.which('qemu-system-x86_64') ?? 'qemu-system-x86_64',
    ...[
      '-name',
      `guest=${vmName(identity, PROBE)}`,
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
    ],
    ...['-machine', 'q35,accel=kvm', '-cpu', 'host', '-m', '192', '-serial', `file:${output}`],
    ...[
      '-kernel',
      guest.kernel,
      '-initrd',
      guest.initrd,
      '-append',
      'console=ttyS0 quiet panic=-1 hull.probe=1',
    ],
  ]);
  try {
    await child.exited;
    return readFileSync(output, 'latin1').includes('probe done');
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
