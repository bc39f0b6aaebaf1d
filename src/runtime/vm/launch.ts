import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import type { Rollback } from '../../lib/rollback.ts';
import { HullError } from '../../model/errors.ts';
import type { Bundle } from '../runtime.ts';
import { readTail } from './bounded-read.ts';
import type { GuestKernel } from './kernel.ts';
import type { Acceleration } from './kvm-probe.ts';
import { printable } from './printable.ts';
import { type Jailer, startJailed } from './jail.ts';
import { endProcess } from './process-handle.ts';
import type { ProgramFiles } from './program-files.ts';
import type { QemuCgroups } from './qemu-cgroup.ts';
import { qemuCommand, type VmShape } from './qemu-arguments.ts';
import { startRecorder } from './recorder.ts';
import { removeShareFolder, type Share, startShare } from './shares.ts';
import { rotateGrownLog } from '../log-rotation.ts';
import { joinTap, removeTap, tapOf } from './tap.ts';
import { type ProcessHandle, runFiles, type VmRecord, writeRecord } from './vm-record.ts';
import { memoryOf, shapeOf } from './vm-shape.ts';

const LAST_WORDS = 1000;

export interface LaunchContext extends Jailer {
  readonly host: Host;
  readonly programFiles: ProgramFiles;
  readonly cgroups: QemuCgroups;
  /** `hull-<tag>-<id>` */
  readonly name: string;
  readonly acceleration: Acceleration;
  readonly guest: GuestKernel | null;
  /** Path of the program `hull-recorder`. */
  readonly recorder: string;
  /** `files`: no workload, and no network. */
  readonly purpose: 'run' | 'files';
}

/** What a launch reads of a bundle. */
export type LaunchBundle = Pick<
  Bundle,
  'id' | 'root' | 'mounts' | 'network' | 'resources' | 'hostname' | 'files' | 'runDir' | 'log'
>;

export const QEMU = 'qemu-system-x86_64';

/** Starts virtiofsd, tap and QEMU, in this order; each step registers its undo. The guest has only begun to boot when it returns. */
export async function launch(
  context: LaunchContext,
  bundle: LaunchBundle,
  undo: Rollback,
): Promise<{ record: VmRecord; shares: readonly Share[] }> {
  const { host } = context;
  mkdirSync(bundle.runDir, { recursive: true, mode: 0o700 });
  for (const path of Object.values(runFiles)) rmSync(path(bundle.runDir), { force: true });
  rotateGrownLog(bundle.log.path, bundle.log.hardLimit, bundle.log.files);
  const isMachine = bundle.root.kind === 'block' && bundle.root.root.layout === 'machine';
  const mounts = isMachine ? [] : bundle.mounts;
  const shared = mounts.filter((mount) => mount.type !== 'tmpfs');
  const layout = isMachine ? 'machine' : 'layered';
  const { runDir, log } = bundle;
  const recorded = { runDir, log, layout, shares: shared.length > 0 } as const;
  const recorder = startRecorder(host, context.recorder, context.name, recorded);
  undo.defer('end the recorder', () => endProcess(host, recorder));
  const shares = await Promise.all(
    shared.map((mount, index) => startShare(context, mount, index, runDir, undo)),
  );
  const network = await connect(context, bundle, undo);
  const shape = shapeOf(bundle, context, shares);
  const qemu = await startQemu(context, bundle, shape);
  undo.defer('end QEMU', () => endProcess(host, qemu));
  undo.defer('remove the control group', () => context.cgroups.remove(bundle.id));
  const helpers = [...shares.map((share) => share.process), recorder];
  context.cgroups.place(bundle.id, [qemu.pid, ...helpers.map((helper) => helper.pid)], bundle.resources);
  const record: VmRecord = {
    format: 1,
    layout,
    accelerator: context.acceleration.accelerator,
    qemu,
    helpers,
    recorder,
    shares: shares.map((share) => ({ folder: `${bundle.runDir}/${share.tag}`, mounts: [] })),
    network,
    memoryBytes: memoryOf(bundle),
    started: null,
  };
  writeRecord(bundle.runDir, record);
  return { record, shares };
}

async function connect(
  context: LaunchContext,
  bundle: LaunchBundle,
  undo: Rollback,
): Promise<VmRecord['network']> {
  if (bundle.network.mode === 'host') {
    throw new HullError(
      'not-supported',
      'a VM has a network of its own: the host’s network is for containers; use the bridge network',
    );
  }
  const { namespace, links } = bundle.network;
  if (links.length === 0) return null;
  for (const [index, link] of links.entries()) {
    undo.defer('remove the tap', () => removeTap(context.host, namespace, link, tapOf(index)));
    await joinTap(context.host, namespace, link, tapOf(index));
  }
  return { namespace, links };
}

/** It outlives the daemon. Its messages are recorded, for errors that only show later. */
async function startQemu(
  context: LaunchContext,
  bundle: LaunchBundle,
  shape: VmShape,
): Promise<ProcessHandle> {
  const program = context.host.exec.which(QEMU);
  if (program === null) {
    throw new HullError(
      'host-tool-missing',
      'QEMU, which runs VMs, is not installed; install it with: apt-get install qemu-system-x86',
    );
  }
  const { args, descriptors, places } = qemuCommand(shape);
  for (const { source } of places) letBeRead(source);
  const jail = {
    network: networkOf(context, bundle),
    log: runFiles.errorsPipe(bundle.runDir),
    descriptors,
    places: [...(await context.programFiles.of(program)), ...places],
    kvm: shape.accelerator === 'kvm',
  };
  return await startJailed(context, jail, [program, ...args]);
}

/** A kernel or initramfs of the engine's, which QEMU opens by its path: as its own user, who is not the owner. */
export function letBeRead(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o004) === 0) chmodSync(path, (mode & 0o777) | 0o444);
}

/** One without a network lives in a namespace of its own, which goes with it. */
function networkOf({ purpose }: LaunchContext, { network }: LaunchBundle): string | null {
  return purpose === 'files' || network.mode === 'host' ? null : network.namespace;
}

/** What QEMU, those who serve its shares and the guest's kernel said last, for an error message. */
export function lastWords(runDir: string, length = LAST_WORDS): string {
  const said = [runFiles.errors(runDir), runFiles.shares(runDir), runFiles.console(runDir)].map((path) => {
    try {
      return readTail(path, length);
    } catch {
      return '';
    }
  });
  return said.join('\n').split('\n').map(printable).join('\n').trim().slice(-length);
}

/** Undoes a launch from its record alone, whoever made it. Tries everything, then rejects with all that failed. Fine twice. */
export async function dismantle(
  host: Host,
  cgroups: QemuCgroups,
  id: string,
  runDir: string,
  record: VmRecord | null,
): Promise<void> {
  const failures: Error[] = [];
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)));
    }
  };
  if (record !== null) {
    for (const handle of [record.qemu, ...record.helpers]) await attempt(() => endProcess(host, handle));
    for (const share of record.shares)
      await attempt(() => removeShareFolder(host, share.folder, share.mounts));
    const { network } = record;
    for (const [index, link] of network?.links.entries() ?? [])
      await attempt(() => removeTap(host, network?.namespace ?? '', link, tapOf(index)));
  }
  await attempt(() => cgroups.remove(id));
  for (const path of Object.values(runFiles)) rmSync(path(runDir), { force: true });
  for (const share of record?.shares ?? []) rmSync(`${share.folder}.sock`, { force: true });
  if (failures.length > 0)
    throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '));
}
