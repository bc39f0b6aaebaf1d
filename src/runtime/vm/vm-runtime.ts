import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../host/host.ts';
import { Rollback } from '../../lib/rollback.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError, toHullError } from '../../model/errors.ts';
import type { ExitStatus, TerminalSize } from '../../model/instance.ts';
import type { Availability } from '../../model/isolation.ts';
import type { Resources } from '../../model/resources.ts';
import type {
  AdoptedRun,
  Bundle,
  ExecSession,
  ExecSpec,
  FileAccess,
  FilesBundle,
  HostProcesses,
  Pausable,
  ProcessTable,
  RestingFiles,
  RunFact,
  Runtime,
  RuntimeStats,
  Started,
  Stdio,
  Updatable,
  Watchable,
} from '../runtime.ts';
import type { Leftover } from '../../model/leftover.ts';
import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';
import { AgentVm } from './agent-vm.ts';
import { FilesVm } from './files-vm.ts';
import type { GuestFiles } from './guest-files.ts';
import { vmInventory, vmName } from './inventory.ts';
import { findKernel, type GuestKernel, KernelCache, kernelPlaces } from './kernel.ts';
import { type Acceleration, accelerationBy, probeAcceleration } from './kvm-probe.ts';
import { dismantle, launch, type LaunchContext } from './launch.ts';
import { MachineVm } from './machine-vm.ts';
import { isAlive } from './process-handle.ts';
import { ProgramFiles } from './program-files.ts';
import { isRecord } from './qmp.ts';
import { QemuCgroups } from './qemu-cgroup.ts';
import type { Vm } from './vm.ts';
import { readExitRecord, readRecord, type VmRecord } from './vm-record.ts';
import { refuseGuestChanges } from './vm-shape.ts';
import { vmStats } from './vm-stats.ts';

export interface VmSettings {
  /** Path of the hull-guest program. */
  readonly guestProgram: string;
  /** Path of the hull-recorder program; default: beside the other. */
  readonly recorder?: string;
  /** Path of the hull-jail program. */
  readonly jailProgram: string;
  /** Guest kernel file; default: found. */
  readonly kernel?: string;
  /** Overrides the probe. */
  readonly accelerator?: 'kvm' | 'tcg';
}

/** Runs images and operating systems in QEMU. */
export class VmRuntime implements Runtime, FileAccess, RestingFiles, Pausable, Updatable, Watchable {
  readonly isolation = 'vm';
  readonly #host: Host;
  readonly #identity: EngineIdentity;
  readonly #settings: VmSettings;
  readonly #kernels: KernelCache;
  readonly #programFiles: ProgramFiles;
  readonly #cgroups: QemuCgroups;
  readonly #vms = new Map<string, Vm>();
  /** Of instances that do not run: booted, or being booted, for their files. */
  readonly #filesVms = new Map<string, FilesVm>();
  /** Run folders of instances whose VM has ended already. */
  readonly #ended = new Map<string, { readonly runDir: string; readonly exit: ExitStatus | null }>();
  #acceleration: Promise<Acceleration> | null = null;
  #probing = false;
  #onFact: (id: string, fact: RunFact) => void = () => undefined;

  constructor(host: Host, identity: EngineIdentity, settings: VmSettings) {
    this.#host = host;
    this.#identity = identity;
    this.#settings = settings;
    this.#kernels = new KernelCache(host.exec, identity.dataDir, settings.guestProgram);
    this.#programFiles = new ProgramFiles(host.exec);
    this.#cgroups = new QemuCgroups(host, identity);
  }

  onFact(listener: (id: string, fact: RunFact) => void): void {
    this.#onFact = listener;
  }

  async probe(): Promise<Availability> {
    if (this.#host.exec.which('qemu-system-x86_64') === null) {
      return {
        available: false,
        reason: 'QEMU is not installed; install it with: apt-get install qemu-system-x86 qemu-utils',
      };
    }
    try {
      const { guest, acceleration } = await this.#prepare();
      const how = acceleration.accelerator === 'kvm' ? 'KVM' : 'emulation (TCG)';
      return {
        available: true,
        detail: `QEMU with ${how}, guest kernel ${guest.version}`,
        warnings: acceleration.warning === null ? [] : [acceleration.warning],
      };
    } catch (error) {
      return { available: false, reason: toHullError(error).message };
    }
  }

  async create(bundle: Bundle): Promise<void> {
    if (bundle.root.kind !== 'block')
      throw new HullError('internal', `instance ${bundle.id} was given mounts for a VM's root`);
    if (this.#vms.has(bundle.id))
      throw new HullError('wrong-state', `the VM of instance ${bundle.name} exists already`);
    const context = await this.#context(bundle.id, 'run');
    await using undo = new Rollback();
    const { record, shares } = await launch(context, bundle, undo);
    const vm = this.#open(bundle, record);
    undo.defer('close the connections', () => vm.close());
    // What QEMU says is heard from here on; a start does not wait for that.
    const heard = vm.monitor.open();
    heard.catch(() => undefined);
    if (vm instanceof AgentVm) await vm.configure(shares);
    else await heard;
    this.#ended.delete(bundle.id);
    this.#vms.set(bundle.id, vm);
    undo.commit();
  }

  async start(id: string): Promise<Started> {
    const vm = this.#get(id);
    if (vm.record.started !== null)
      throw new HullError('wrong-state', `instance ${vm.bundle.name} has been started already`);
    return await vm.start();
  }

  async signal(id: string, signal: number, options: { all?: boolean } = {}): Promise<void> {
    const vm = this.#running(id);
    await vm.signal(signal, options.all ?? false);
  }

  async wait(id: string): Promise<ExitStatus> {
    const ended = this.#ended.get(id);
    if (ended === undefined) return await this.#get(id).exited;
    if (ended.exit === null)
      throw new HullError('wrong-state', `nobody knows how instance ${id.slice(0, 12)} ended`);
    return ended.exit;
  }

  attach(id: string, options: { readonly stdin?: boolean } = {}): Promise<Stdio> {
    return Promise.resolve().then(() => this.#get(id).attach(options.stdin ?? true));
  }

  async exec(id: string, spec: ExecSpec): Promise<ExecSession> {
    return await this.#running(id).exec(spec);
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    const vm = this.#get(id);
    if (vm.bundle.process.tty && vm.running) await vm.resize(size);
  }

  async stats(id: string): Promise<RuntimeStats> {
    return await vmStats(this.#get(id), this.#cgroups);
  }

  async processes(id: string, psArgs: readonly string[]): Promise<ProcessTable> {
    return await this.#running(id).processes(psArgs);
  }

  async pause(id: string): Promise<void> {
    const vm = this.#running(id);
    await vm.monitor.execute('stop');
    await vm.setPaused(true);
  }

  async resume(id: string): Promise<void> {
    const vm = this.#running(id);
    if (!vm.paused) return;
    await vm.monitor.execute('cont');
    await vm.setPaused(false);
  }

  async update(id: string, resources: Resources): Promise<void> {
    const vm = this.#running(id);
    refuseGuestChanges(vm.bundle, resources);
    this.#cgroups.limit(id, vm.bundle.resources, resources);
    vm.bundle = { ...vm.bundle, resources };
  }

  async statFile(id: string, path: string): Promise<FileStat> {
    return await (await this.#filesOf(id)).stat(path);
  }

  async readFiles(id: string, path: string): Promise<FileArchive> {
    return await (await this.#filesOf(id)).read(path);
  }

  async writeFiles(
    id: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
  ): Promise<void> {
    await (await this.#filesOf(id)).write(path, archive, options);
  }

  async fileChanges(id: string): Promise<readonly FileChange[]> {
    return await (await this.#filesOf(id)).changes();
  }

  async *readRoot(id: string): AsyncGenerator<Uint8Array> {
    yield* (await this.#filesOf(id)).tree('root');
  }

  async *readLayer(id: string): AsyncGenerator<Uint8Array> {
    yield* (await this.#filesOf(id)).tree('upper');
  }

  async openFiles(bundle: FilesBundle): Promise<void> {
    const { id, name } = bundle;
    if (this.#filesVms.has(id) || this.#vms.has(id))
      throw new HullError('wrong-state', `the files of ${name} can be reached already`);
    const vm = new FilesVm(await this.#context(id, 'files'), bundle);
    this.#filesVms.set(id, vm);
    await vm.boot().catch((error: unknown) => {
      this.#filesVms.delete(id);
      throw error;
    });
  }

  filesAreOpen(id: string): boolean {
    return this.#filesVms.get(id)?.open ?? false;
  }

  async closeFiles(id: string): Promise<void> {
    const vm = this.#filesVms.get(id);
    await vm?.close();
    if (this.#filesVms.get(id) === vm) this.#filesVms.delete(id);
  }

  async delete(id: string): Promise<void> {
    const vm = this.#vms.get(id);
    const runDir = vm?.bundle.runDir ?? this.#ended.get(id)?.runDir;
    vm?.close();
    if (runDir === undefined) await this.#cgroups.remove(id);
    else await dismantle(this.#host, this.#cgroups, id, runDir, vm?.record ?? readRecord(runDir));
    this.#vms.delete(id);
    this.#ended.delete(id);
  }

  async adopt(bundle: Bundle): Promise<AdoptedRun> {
    const record = readRecord(bundle.runDir);
    const known = this.#vms.get(bundle.id);
    if (known?.alive === true) return stateOf(known);
    // An exit on record counts, even while QEMU is still about to end.
    const exit = record === null ? null : readExitRecord(bundle.runDir);
    if (record === null || exit !== null || !isAlive(this.#host, record.qemu))
      return this.#adoptEnded(bundle);
    const vm = this.#open(bundle, record);
    this.#vms.set(bundle.id, vm);
    try {
      await vm.setPaused(await isStopped(vm));
      const state = await vm.adopt();
      this.#onFact(bundle.id, { kind: 'trouble', text: vm.monitor.condition.trouble });
      if (state !== 'running') return { state };
      const unknown = { pid: record.qemu.pid, pidStartTime: record.qemu.startTime, startedAt: Date.now() };
      const running = { state, started: record.started ?? unknown };
      return vm.paused ? { ...running, paused: true } : running;
    } catch (error) {
      if (vm.alive) throw error;
      this.#vms.delete(bundle.id);
      return this.#adoptEnded(bundle);
    }
  }

  #adoptEnded(bundle: Bundle): AdoptedRun {
    const exit = readExitRecord(bundle.runDir);
    this.#ended.set(bundle.id, { runDir: bundle.runDir, exit });
    return { state: exit === null ? 'gone' : 'exited' };
  }

  /** Lets every connection go, as the daemon's end does: the VMs go on, and the next runtime adopts them. */
  disconnect(): void {
    for (const vm of this.#vms.values()) vm.close();
    this.#vms.clear();
  }

  hostProcesses(id: string): Promise<HostProcesses> {
    const record = this.#vms.get(id)?.record;
    if (record === undefined) return Promise.resolve({ workload: [], helpers: [] });
    const group = this.#cgroups.group(id).pids();
    const helpers = new Set([
      ...record.helpers.map((helper) => helper.pid),
      ...group.filter((pid) => pid !== record.qemu.pid),
    ]);
    const alive = (pid: number): boolean => this.#host.processes.alive(pid);
    return Promise.resolve({
      workload: [record.qemu.pid].filter(alive),
      helpers: [...helpers].filter(alive),
    });
  }

  inventory(): Promise<readonly Leftover[]> {
    return Promise.resolve(vmInventory(this.#host, this.#identity, { probing: this.#probing }));
  }

  async #filesOf(id: string): Promise<GuestFiles> {
    return this.#filesVms.get(id)?.files ?? (await this.#running(id).files());
  }

  #running(id: string): Vm {
    const vm = this.#get(id);
    if (!vm.running) throw new HullError('wrong-state', `instance ${vm.bundle.name} does not run`);
    return vm;
  }

  #get(id: string): Vm {
    const vm = this.#vms.get(id);
    if (vm === undefined) throw new HullError('wrong-state', `instance ${id.slice(0, 12)} has no VM now`);
    return vm;
  }

  #open(bundle: Bundle, record: VmRecord): Vm {
    const onFact = (fact: RunFact): void => this.#onFact(bundle.id, fact);
    return record.layout === 'machine'
      ? new MachineVm(this.#host, bundle, record, onFact)
      : new AgentVm(this.#host, bundle, record, onFact);
  }

  async #tryAcceleration(guest: GuestKernel): Promise<Acceleration> {
    this.#probing = true;
    try {
      return await probeAcceleration(this.#tools(), this.#identity, guest);
    } finally {
      this.#probing = false;
    }
  }

  async #context(id: string, purpose: LaunchContext['purpose']): Promise<LaunchContext> {
    const name = vmName(this.#identity, id);
    const { guestProgram, recorder = `${dirname(guestProgram)}/hull-recorder` } = this.#settings;
    // From memory: the folder that it lies in may not allow programs.
    const program = this.#host.exec.sealed(recorder);
    return {
      ...{ ...this.#tools(), cgroups: this.#cgroups, name, purpose, recorder: program },
      ...(await this.#prepare()),
    };
  }

  #tools(): { host: Host; jailProgram: string; programFiles: ProgramFiles } {
    const { jailProgram } = this.#settings;
    return { host: this.#host, jailProgram, programFiles: this.#programFiles };
  }

  /** Kernel, initramfs and the answer whether KVM works: cheap after the first call. */
  async #prepare(): Promise<{ guest: GuestKernel; acceleration: Acceleration }> {
    const guest = await this.#kernels.prepare(
      findKernel(kernelPlaces(this.#identity.dataDir), this.#settings.kernel),
    );
    const { accelerator } = this.#settings;
    this.#acceleration ??=
      accelerator === undefined
        ? this.#tryAcceleration(guest)
        : accelerationBy(this.#tools(), accelerator, null);
    try {
      return { guest, acceleration: await this.#acceleration };
    } catch (error) {
      this.#acceleration = null;
      throw error;
    }
  }
}

/** Were its CPUs stopped after its start? (Before, a machine waits for its first instruction.) */
async function isStopped(vm: Vm): Promise<boolean> {
  if (vm.record.started === null) return false;
  const status = await vm.monitor.execute('query-status');
  return isRecord(status) && status['status'] === 'paused';
}

function stateOf(vm: Vm): AdoptedRun {
  const { started } = vm.record;
  if (started === null) return { state: 'created' };
  return vm.running ? { state: 'running', started } : { state: 'exited' };
}

/** Where the guest program and the jail lie: beside the executable (`dist/guest/`), or in the checkout when run from source. */
export function defaultPrograms(executable: string): Pick<VmSettings, 'guestProgram' | 'jailProgram'> {
  const place = (name: string): string => {
    const beside = `${dirname(executable)}/guest/${name}`;
    return existsSync(beside)
      ? beside
      : fileURLToPath(new URL(`../../../dist/guest/${name}`, import.meta.url));
  };
  return { guestProgram: place('hull-guest'), jailProgram: place('hull-jail') };
}
