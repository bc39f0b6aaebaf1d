import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { PROBE, vmName } from './inventory.ts';
import type { GuestKernel } from './kernel.ts';
import { Descriptors, type Jailer, startJailed } from './jail.ts';
import { letBeRead, QEMU } from './launch.ts';
import type { ProgramFiles } from './program-files.ts';
import { bootArguments, bootPlaces, SANDBOX, serialFile } from './qemu-arguments.ts';
import { isRecord } from './qmp.ts';

export interface Acceleration {
  readonly accelerator: 'kvm' | 'tcg';
  /** Why it is not KVM, for the user. */
  readonly warning: string | null;
  /** kHz of the time-stamp counter that the guest will see; null: it asks its hypervisor. */
  readonly counterRate: number | null;
}

export interface ProbeTools extends Jailer {
  readonly programFiles: ProgramFiles;
}

/** Seconds. A guest under KVM is through in half a second; one that hangs never is. */
const PROBE_DEADLINE = 3;
const SLOW = 'VMs run on emulation (TCG), several times slower';

/**
 * Can KVM run a guest? `/dev/kvm` existing does not say so: on some nested hosts a kernel hangs in its first instructions. So a real guest is
 * booted, once per boot of the host and guest kernel; the answer is kept in the volatile folder. Rejects `start-failed` where QEMU cannot be confined.
 */
export async function probeAcceleration(
  tools: ProbeTools,
  identity: EngineIdentity,
  guest: GuestKernel,
): Promise<Acceleration> {
  await tryJail(tools);
  const { runDir } = identity;
  const refused = openProblem();
  if (refused !== null)
    return await accelerationBy(tools, 'tcg', `KVM is not available (${refused}): ${SLOW}`);
  const key = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${guest.version}`;
  const memory = `${runDir}/kvm-probe.json`;
  const works = remembered(memory, key) ?? (await bootOnce(tools, identity, guest));
  writeFileSync(`${memory}.new`, JSON.stringify({ key, works }), { mode: 0o600 });
  renameSync(`${memory}.new`, memory);
  if (works) return await accelerationBy(tools, 'kvm', null);
  return await accelerationBy(tools, 'tcg', `/dev/kvm is there but a guest does not boot with it: ${SLOW}`);
}

/** What is to be known of an accelerator that is decided on. */
export async function accelerationBy(
  tools: Jailer,
  accelerator: Acceleration['accelerator'],
  warning: string | null,
): Promise<Acceleration> {
  return { accelerator, warning, counterRate: accelerator === 'tcg' ? await counterRate(tools) : null };
}

/** Milliseconds. It is measured in 20. */
const COUNTER_DEADLINE = 10_000;

/** TCG gives a guest the host's counter (QEMU's `cpu_get_host_ticks`); null where that has no known rate. */
async function counterRate({ host, jailProgram }: Jailer): Promise<number | null> {
  const command = [host.exec.sealed(jailProgram), '--ticks'];
  const { code, stdout } = await host.exec.run(command, { timeout: COUNTER_DEADLINE });
  const kilohertz = Math.round(Number(stdout) / 1000);
  return code === 0 && kilohertz > 0 ? kilohertz : null;
}

/** Rejects `start-failed` where the host refuses a part of the jail: then it runs no VMs. */
async function tryJail(tools: ProbeTools): Promise<void> {
  const program = tools.host.exec.which(QEMU);
  if (program === null) return;
  const places = await tools.programFiles.of(program);
  await startJailed(tools, { network: null, log: null, descriptors: [], places }, [program, '--version']);
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
async function bootOnce(tools: ProbeTools, identity: EngineIdentity, guest: GuestKernel): Promise<boolean> {
  const program = tools.host.exec.which(QEMU);
  if (program === null) return false;
  const folder = mkdtempSync(`${identity.runDir}/probe-`);
  const output = `${folder}/console`;
  const open = new Descriptors();
  const args = [
    ...['-name', `guest=${vmName(identity, PROBE)}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', ...SANDBOX],
    ...['-machine', 'q35,accel=kvm', '-cpu', 'host', '-m', '192', ...serialFile(output, open)],
    ...bootArguments('console=ttyS0 quiet panic=-1 hull.probe=1'),
  ];
  try {
    const places = bootPlaces(guest);
    for (const { source } of places) letBeRead(source);
    const jail = {
      ...{ network: null, log: null, kvm: true, descriptors: open.list },
      places: [...(await tools.programFiles.of(program)), ...places],
      // Held by hull-jail, and so also when this daemon ends first: a guest that hangs does so for ever.
      deadline: PROBE_DEADLINE,
    };
    await startJailed(tools, jail, [program, ...args]);
    return readFileSync(output, 'latin1').includes('probe done');
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
