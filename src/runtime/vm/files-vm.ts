import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { Rollback, withTimeout } from '../../lib/rollback.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { FilesBundle } from '../runtime.ts';
import { AgentClient } from './agent-client.ts';
import { BootPatience } from './boot-patience.ts';
import { FRAME } from './agent-protocol.ts';
import { filesConfiguration } from './guest-configuration.ts';
import { GuestFiles } from './guest-files.ts';
import { dismantle, lastWords, launch, type LaunchBundle, type LaunchContext } from './launch.ts';
import { VmMonitor } from './monitor.ts';
import { isAlive } from './process-handle.ts';
import { runFiles, type VmRecord } from './vm-record.ts';

const SIGKILL = 9;
/** `BootPatience` gives a boot up that does not get on; this is the end of one that does so for ever. */
const BOOT_DEADLINE = 3_600_000;
const POWER_OFF_DEADLINE = 5_000;
/** Of a guest's messages, which nobody reads unless it fails. */
const LOG_LIMIT = 64 * 1024;

/**
 * A VM booted for the files of an instance that does not run: its disks and its mounts, no network, no workload. The host's kernel never parses
 * what a guest wrote. The guest powers itself off when its daemon has died.
 */
export class FilesVm {
  readonly #context: LaunchContext;
  readonly #bundle: FilesBundle;
  readonly #cut = new AbortController();
  #booting: Promise<void> | null = null;
  #booted: { readonly record: VmRecord; readonly agent: AgentClient } | null = null;
  #lost = false;

  constructor(context: LaunchContext, bundle: FilesBundle) {
    this.#context = context;
    this.#bundle = bundle;
  }

  /** Does it answer? */
  get open(): boolean {
    return this.#booted !== null && !this.#lost && isAlive(this.#context.host, this.#booted.record.qemu);
  }

  get files(): GuestFiles {
    if (this.#booted === null) throw new HullError('wrong-state', 'the VM has not booted yet');
    return new GuestFiles(this.#booted.agent);
  }

  /** Resolves when it answers. Leaves nothing running when it fails. */
  boot(): Promise<void> {
    this.#booting = this.#boot();
    return this.#booting;
  }

  /** Powers it off, and takes everything of it away. A boot that is under way is ended. */
  async close(): Promise<void> {
    const { host, cgroups } = this.#context;
    if (this.#booted === null) this.#cut.abort();
    await this.#booting?.catch(() => undefined);
    if (this.#booted === null) return;
    const { agent, record } = this.#booted;
    // One that does not is ended all the same.
    if (this.open) await powerOff(host, agent, record).catch(() => undefined);
    agent.close();
    await dismantle(host, cgroups, this.#bundle.id, this.#bundle.runDir, record);
  }

  async #boot(): Promise<void> {
    const { host } = this.#context;
    const { runDir, name } = this.#bundle;
    try {
      await using undo = new Rollback();
      const { record, shares } = await launch(this.#context, launchBundle(this.#bundle), undo);
      this.#cut.signal.throwIfAborted();
      this.#cut.signal.addEventListener('abort', () => kill(host, record), { once: true });
      const gone = (): boolean => !isAlive(host, record.qemu);
      const patience = new BootPatience(runDir, record);
      const giveUp = (): boolean => gone() || patience.verdict !== null;
      const agent = await AgentClient.connect(runFiles.agent(runDir), BOOT_DEADLINE, giveUp);
      undo.defer('close the connection', () => agent.close());
      const payload = filesConfiguration(this.#bundle, shares);
      await patience.during(agent.request(FRAME.configure, payload, BOOT_DEADLINE));
      this.#cut.signal.throwIfAborted();
      // A host without room for what is written stops the guest: it goes on when there is some.
      const monitor = new VmMonitor({ path: runFiles.monitor(runDir), alive: () => !gone() });
      monitor.open().catch(() => undefined);
      void agent.closed.then(() => monitor.close());
      void agent.closed.then(() => (this.#lost = true));
      this.#booted = { record, agent };
      undo.commit();
    } catch (error) {
      // What the host lacks says so itself.
      if (error instanceof HullError && error.code !== 'guest-unreachable') throw error;
      const reason = this.#cut.signal.aborted ? 'it was ended' : messageOf(error);
      throw new HullError(
        'guest-unreachable',
        `the VM that reaches the files of ${name} while it does not run did not come up: ${reason}. ${lastWords(runDir)}`.trim(),
        { cause: error },
      );
    }
  }
}

/** What a run has and this has not is left out. */
function launchBundle({ id, root, mounts, runDir }: FilesBundle): LaunchBundle {
  return {
    ...{ id, root, mounts, runDir },
    network: { mode: 'none', namespace: '', links: [] },
    resources: {},
    hostname: '',
    files: { hosts: '', hostname: '', resolvConf: '' },
    log: { path: join(runDir, 'log'), hardLimit: LOG_LIMIT, files: 1 },
  };
}

/** The disks are in order afterwards. */
async function powerOff(host: Host, agent: AgentClient, { qemu }: VmRecord): Promise<void> {
  await agent.request(FRAME.shutdown, new Uint8Array(), POWER_OFF_DEADLINE);
  await withTimeout(host.processes.gone(qemu.pid), POWER_OFF_DEADLINE, 'the power-off');
}

function kill(host: Host, { qemu }: VmRecord): void {
  if (isAlive(host, qemu)) host.processes.kill(qemu.pid, SIGKILL);
}
