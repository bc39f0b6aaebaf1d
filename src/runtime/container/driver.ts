import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import { Rollback } from '../../lib/rollback.ts';
import { type EngineIdentity, names } from '../../model/engine-identity.ts';
import { HullError } from '../../model/errors.ts';
import type { ExitStatus, TerminalSize } from '../../model/instance.ts';
import type { Availability, Isolation } from '../../model/isolation.ts';
import type { Resources } from '../../model/resources.ts';
import { rotateGrownLog } from '../log-rotation.ts';
import type {
  AdoptedRun,
  Bundle,
  ExecSession,
  ExecSpec,
  HostProcesses,
  Pausable,
  ProcessTable,
  Runtime,
  RuntimeStats,
  Started,
  Stdio,
  Updatable,
} from '../runtime.ts';
import type { Leftover } from '../../model/leftover.ts';
import { attachedStdio } from './attach.ts';
import type { Choice } from './choose.ts';
import { clearRunFiles, Conmon, type MonitorSpec, readPid, runFiles } from './conmon.ts';
import { runExec } from './exec.ts';
import { ExitFolder } from './exits.ts';
import { findLeftovers } from './inventory.ts';
import { type OciRuntime, OciRuntimeError } from './oci-runtime.ts';
import { checkPsArguments, selectProcesses } from './process-table.ts';
import { startFailed } from './refusal.ts';
import { ContainerRun, ensureRunDir, readStarted } from './run.ts';
import { endSharing, shareNamespaces } from './shared-namespaces.ts';
import { type ConfigFacts, SpecWriter } from './spec-writer.ts';

/** What a driver needs once its programs are known. */
interface Tools {
  readonly conmon: Conmon;
  readonly oci: OciRuntime;
}

export interface DriverOptions {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly isolation: Isolation;
  readonly cgroups: Cgroups;
  /** Finds the programs; asked once, and again after it said no. */
  readonly choose: () => Promise<Choice>;
}

/**
 * Containers (and gVisor's sandboxes) by conmon and an OCI runtime. Per instance: one conmon, one control group `hull-<tag>/<id>`, the OCI
 * runtime's state below `runDir/<runtime>`, and an exit file in `runDir/exits`.
 */
export class OciDriver implements Runtime, Pausable, Updatable {
  readonly isolation: Isolation;
  readonly #options: DriverOptions;
  readonly #exits: ExitFolder;
  readonly #specs: SpecWriter;
  readonly #runs = new Map<string, ContainerRun>();
  #choice: Promise<Choice> | null = null;
  #tools: Tools | null = null;

  constructor(options: DriverOptions) {
    this.isolation = options.isolation;
    this.#options = options;
    this.#exits = new ExitFolder(`${options.identity.runDir}/exits`);
    this.#specs = new SpecWriter(options.host, options.identity.runDir);
  }

  async probe(): Promise<Availability> {
    this.#choice ??= this.#options.choose();
    const choice = await this.#choice;
    if (!choice.available) {
      this.#choice = null;
      return { available: false, reason: choice.reason };
    }
    return { available: true, detail: choice.detail, warnings: choice.warnings };
  }

  async create(bundle: Bundle): Promise<void> {
    const { conmon, oci } = this.#tools ?? (await this.#ready());
    if (this.#runs.has(bundle.id)) throw wrongState(bundle.id, 'exists already');
    // Of a run that ended while no daemon watched, and could not be adopted.
    if (existsSync(`${oci.root}/${bundle.id}`)) await this.#sweep(bundle, oci);
    oci.prepare();
    this.#exits.prepare();
    ensureRunDir(bundle.runDir);
    rotateGrownLog(bundle.log.path, bundle.log.hardLimit, bundle.log.files);
    await using undo = new Rollback();
    undo.defer('remove the half-made container', () => this.#sweep(bundle, oci));
    const learn = this.#specs.writeConfig(bundle, this.#configFacts(bundle), oci);
    try {
      const monitored = await conmon.create(monitorSpec(bundle), bundle.log, this.#exits.path);
      const run = this.#newRun(bundle, monitored.pid);
      run.watchMonitor(monitored.ended);
      this.#runs.set(bundle.id, run);
    } catch (error) {
      throw asStartFailure(error, bundle);
    }
    learn();
    const { tty, size } = bundle.process;
    if (!oci.setsFirstTerminalSize && tty && size !== undefined) conmon.resize(bundle.runDir, size);
    undo.commit();
  }

  async start(id: string): Promise<Started> {
    const run = this.#run(id);
    if (run.started !== null || run.exited) throw wrongState(id, 'was started already');
    try {
      await this.#use().oci.start(id);
    } catch (error) {
      throw asStartFailure(error, run.bundle);
    }
    return run.markStarted();
  }

  async signal(id: string, signal: number, options: { all?: boolean } = {}): Promise<void> {
    const run = this.#running(id);
    const reached = await this.#use().oci.signal(run, signal, options.all === true);
    if (!reached) throw wrongState(id, 'is not running');
  }

  async wait(id: string): Promise<ExitStatus> {
    return await this.#run(id).exit;
  }

  async attach(id: string, options: { readonly stdin?: boolean } = {}): Promise<Stdio> {
    const { bundle, exited, pid } = this.#run(id);
    if (exited) throw wrongState(id, 'is not running');
    const { sockets, processes } = this.#options.host;
    const socket = await sockets.connectPackets(`${bundle.runDir}/${runFiles.attach}`, {
      join: true,
      // Else the monitor, which waits for the reader, would not see that the workload has ended.
      slows: (signal) => processes.gone(pid, signal),
    });
    const closesStdin = bundle.openStdin && !keepsStdin(bundle);
    return attachedStdio(socket, {
      tty: bundle.process.tty,
      outputOnly: options.stdin === false && closesStdin,
    });
  }

  async exec(id: string, spec: ExecSpec): Promise<ExecSession> {
    const { bundle } = this.#running(id);
    const folder = `${bundle.runDir}/x${randomBytes(4).toString('hex')}`;
    ensureRunDir(folder);
    const { host } = this.#options;
    const session = runExec({
      host,
      conmon: this.#use().conmon,
      id,
      folder,
      spec,
      prepare: () => this.#specs.writeProcess(bundle, spec.process, spec.privileged, folder),
    });
    return await session;
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    const { bundle } = this.#run(id);
    if (bundle.process.tty) this.#use().conmon.resize(bundle.runDir, size);
  }

  async stats(id: string): Promise<RuntimeStats> {
    return { readAt: Date.now(), ...this.#running(id).cgroup.stats() };
  }

  async processes(id: string, psArgs: readonly string[]): Promise<ProcessTable> {
    const run = this.#running(id);
    const inner = await this.#use().oci.innerProcesses(id);
    if (inner !== null) return selectProcesses(inner);
    const pids = new Set(run.cgroup.pids());
    const { code, stdout, stderr } = await this.#options.host.exec.run(['ps', ...checkPsArguments(psArgs)]);
    // The first line says what is wrong; the others are how ps is used.
    if (code !== 0)
      throw new HullError('command-failed', `ps: ${stderr.trimStart().split('\n', 1).join('')}`);
    return selectProcesses(stdout, pids);
  }

  async pause(id: string): Promise<void> {
    await this.#use().oci.pause(this.#running(id));
  }

  async resume(id: string): Promise<void> {
    await this.#use().oci.resume(this.#running(id));
  }

  async update(id: string, resources: Resources): Promise<void> {
    const run = this.#running(id);
    run.cgroup.limit(run.bundle.resources, resources);
    run.bundle = { ...run.bundle, resources };
  }

  async delete(id: string): Promise<void> {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    const { oci } = this.#tools ?? (await this.#ready());
    await this.#sweep(run.bundle, oci);
    this.#runs.delete(id);
  }

  async adopt(bundle: Bundle): Promise<AdoptedRun> {
    const { oci } = this.#tools ?? (await this.#ready());
    const known = this.#runs.get(bundle.id);
    const { processes } = this.#options.host;
    const started = readStarted(bundle.runDir);
    const pid = readPid(`${bundle.runDir}/${runFiles.pid}`);
    const monitor = readPid(`${bundle.runDir}/${runFiles.conmonPid}`);
    const there =
      started === null ? processes.startTime(pid) !== 0 : processes.same(pid, started.pidStartTime);
    const watched = isMonitorOf(this.#options.host, monitor, bundle.id);
    if (known === undefined && !there && this.#exits.read(bundle.id) === null && !watched) {
      // Its processes are gone; the runtime's state, which would be in the way of the next run, is not.
      await this.#sweep(bundle, oci);
      return { state: 'gone' };
    }
    const run = known ?? this.#newRun(bundle, pid);
    this.#runs.set(bundle.id, run);
    if (run.exited) return { state: 'exited' };
    run.started ??= started;
    // The monitor's descriptor went with the former daemon: its process is watched instead, and when it was killed, the workload's.
    if (known === undefined) run.watchMonitor(processes.gone(monitor).then(() => processes.gone(pid)));
    if (run.started === null && !(await oci.waitsForStart(bundle.id))) run.markStarted();
    if (run.started === null) return { state: 'created' };
    const running = { state: 'running', started: run.started } as const;
    return (await oci.isPaused(run)) ? { ...running, paused: true } : running;
  }

  async hostProcesses(id: string): Promise<HostProcesses> {
    const run = this.#runs.get(id);
    if (run === undefined) return { workload: [], helpers: [] };
    const monitor = run.conmonPid;
    return {
      workload: run.cgroup.pids(),
      helpers: this.#options.host.processes.alive(monitor) ? [monitor] : [],
    };
  }

  async inventory(): Promise<readonly Leftover[]> {
    // An engine starts, and looks for what was left, also where a runtime is not installed.
    const oci = (await this.probe()).available ? (await this.#ready()).oci : null;
    const { host, identity, cgroups } = this.#options;
    return findLeftovers({
      host,
      cgroups,
      oci,
      parent: names.cgroupParent(identity),
      exitDir: this.#exits.path,
    });
  }

  /** Everything of a run goes, whatever state it is in. Fine when there is nothing. Tries all, then tells what failed. */
  async #sweep(bundle: Bundle, oci: OciRuntime): Promise<void> {
    const { host, cgroups } = this.#options;
    const group = cgroups.group(this.#cgroupPath(bundle));
    const run = this.#runs.get(bundle.id);
    const monitor = readPid(`${bundle.runDir}/${runFiles.conmonPid}`);
    await using rest = new Rollback();
    rest.defer('clear the run folder', () => {
      endSharing(host, bundle);
      clearRunFiles(bundle.runDir);
      this.#exits.remove(bundle.id);
    });
    rest.defer('remove the control group', () => group.removeWhenEmpty());
    rest.defer('forget the container', () => oci.delete(bundle.id));
    rest.defer('end the monitor', async () => {
      if (run !== undefined) await Promise.all([run.exit, run.monitorEnded]);
      else if (isMonitorOf(host, monitor, bundle.id)) host.processes.kill(monitor, 9);
    });
    rest.defer('kill its processes', async () => {
      await oci.beforeKill(bundle.id);
      await group.kill();
    });
  }

  #newRun(bundle: Bundle, pid: number): ContainerRun {
    const { host, cgroups } = this.#options;
    const facts = { pid, pidStartTime: host.processes.startTime(pid) };
    return new ContainerRun(bundle, cgroups.group(this.#cgroupPath(bundle)), facts, this.#exits);
  }

  #configFacts(bundle: Bundle): ConfigFacts {
    const { host, cgroups } = this.#options;
    const find = (id: string): ContainerRun | null => this.#runs.get(id) ?? null;
    return {
      cgroupPath: this.#cgroupPath(bundle),
      swapLimit: cgroups.canLimitSwap(),
      ...shareNamespaces(host, bundle, find),
    };
  }

  /** Below the engine's own group, or below the one that was asked for. */
  #cgroupPath({ id, options }: Bundle): string {
    const parts = (options.cgroupParent ?? '').split('/').filter((part) => part !== '' && part !== '.');
    return `${parts.length === 0 ? names.cgroupParent(this.#options.identity) : parts.join('/')}/${id}`;
  }

  async #ready(): Promise<Tools> {
    this.#choice ??= this.#options.choose();
    const choice = await this.#choice;
    if (!choice.available) {
      this.#choice = null;
      throw new HullError(
        'isolation-unavailable',
        `this host cannot run ${this.isolation} instances: ${choice.reason}`,
      );
    }
    const { host } = this.#options;
    this.#tools = {
      conmon: new Conmon(host, choice.conmon, choice.runtime),
      oci: choice.runtime,
    };
    return this.#tools;
  }

  #use(): Tools {
    if (this.#tools === null)
      throw new HullError('internal', 'a container is used before the runtime was chosen');
    return this.#tools;
  }

  #run(id: string): ContainerRun {
    const run = this.#runs.get(id);
    if (run === undefined) throw wrongState(id, 'has no container');
    return run;
  }

  #running(id: string): ContainerRun {
    const run = this.#run(id);
    if (!run.running) throw wrongState(id, 'is not running');
    return run;
  }
}

/** As Docker: only without a terminal does the first client's leaving end stdin for good. */
function keepsStdin(bundle: Bundle): boolean {
  return bundle.process.tty || !bundle.stdinOnce;
}

function monitorSpec(bundle: Bundle): MonitorSpec {
  const { id, name, runDir, process, openStdin } = bundle;
  return { id, name, runDir, tty: process.tty, stdin: openStdin, keepStdin: openStdin && keepsStdin(bundle) };
}

function asStartFailure(error: unknown, bundle: Bundle): unknown {
  return error instanceof OciRuntimeError ? startFailed(error.message, bundle.process.args) : error;
}

function isMonitorOf(host: Host, pid: number, id: string): boolean {
  return pid > 0 && host.processes.command(pid).includes(id);
}

function wrongState(id: string, what: string): HullError {
  return new HullError('wrong-state', `instance ${id.slice(0, 12)} ${what}`);
}
