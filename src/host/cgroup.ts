import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { totalmem } from 'node:os';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { HullError, messageOf } from '../model/errors.ts';
import {
  type CgroupFacts,
  cgroupFacts,
  parseBlockBytes,
  parseKeyed,
  parseLimit,
  parsePids,
} from './cgroup-parse.ts';
import { type Freezer, freeze, freezerOf, isFrozen, thaw } from './cgroup-freezer.ts';
import { CrunHierarchies } from './cgroup-hierarchies.ts';
import { limitWrites, writeLimits } from './cgroup-limits.ts';
import type { Resources } from '../model/resources.ts';
import type { Host } from './host.ts';
import { subfolders } from './subfolders.ts';

export type { CgroupFacts, CgroupLayout } from './cgroup-parse.ts';

/** Counters of one group; bytes and nanoseconds, as `docker stats` needs them. */
export interface CgroupStats {
  readonly cpuNanoseconds: number;
  readonly cpuUserNanoseconds: number;
  readonly cpuKernelNanoseconds: number;
  readonly memoryUsage: number;
  readonly memoryInactiveFile: number;
  /** The host's memory where unlimited. */
  readonly memoryLimit: number;
  readonly pids: number;
  /** 0 when unlimited. */
  readonly pidsLimit: number;
  readonly blockRead: number;
  readonly blockWrite: number;
}

const KILL_DEADLINE = 5_000;

/** The host's control groups. Reads and removes groups; the container runtime makes them. */
export class Cgroups {
  readonly #host: Pick<Host, 'mounts' | 'processes'>;
  readonly #parent: string;
  readonly #hierarchies: CrunHierarchies;
  #facts: CgroupFacts | null = null;

  constructor(host: Pick<Host, 'mounts' | 'processes'>, identity: EngineIdentity) {
    this.#host = host;
    this.#parent = names.cgroupParent(identity);
    this.#hierarchies = new CrunHierarchies(host.mounts, this.#parent);
  }

  facts(): CgroupFacts {
    this.#facts ??= cgroupFacts(this.#host.mounts.list());
    return this.#facts;
  }

  /**
   * Makes a hybrid host fit for crun, which wants every controller on one side: mounts what v1 still lacks. Returns why it could not, or null
   * when crun can run.
   */
  prepareForCrun(): string | null {
    if (this.facts().layout !== 'hybrid') return null;
    try {
      this.#hierarchies.prepare();
      return null;
    } catch (error) {
      return `the cgroup controllers that crun needs cannot be mounted as v1: ${messageOf(error)}`;
    } finally {
      this.#facts = null;
    }
  }

  /** Does again what `prepareForCrun` did, should somebody have unmounted it since. Microseconds when not. */
  keepFitForCrun(): void {
    if (this.facts().layout === 'hybrid' && !this.#hierarchies.ready()) this.prepareForCrun();
  }

  /** Does the kernel account swap per group? (v1 needs `swapaccount=1` on some kernels.) */
  canLimitSwap(): boolean {
    const { layout, controllers } = this.facts();
    if (layout === 'v2') return existsSync('/proc/swaps');
    return existsSync(`${controllers.get('memory') ?? ''}/memory.memsw.limit_in_bytes`);
  }

  /** Takes back what an engine has changed: its parent group, which must be empty of instances, and what `prepareForCrun` mounted. */
  async leave(): Promise<void> {
    this.#facts = null;
    await this.group(this.#parent).removeWhenEmpty();
    if (this.facts().layout === 'hybrid') this.#hierarchies.leave();
    this.#facts = null;
  }

  /** The group at `path` (such as `hull-1a2b/<id>`) below every hierarchy's root. It need not exist. */
  group(path: string): Cgroup {
    return new Cgroup(this.facts(), this.#host.processes, path);
  }
}

/** One group, in whatever hierarchies it exists. */
export class Cgroup {
  readonly path: string;
  readonly #facts: CgroupFacts;
  readonly #processes: Host['processes'];

  constructor(facts: CgroupFacts, processes: Host['processes'], path: string) {
    if (
      path === '' ||
      path.startsWith('/') ||
      path.split('/').some((part) => part === '' || part === '.' || part === '..')
    ) {
      throw new HullError('internal', `${JSON.stringify(path)} is no path of a control group`);
    }
    this.#facts = facts;
    this.#processes = processes;
    this.path = path;
  }

  /** Every folder that the group has or could have, one per hierarchy. */
  folders(): string[] {
    const roots = new Set(this.#facts.controllers.values());
    if (this.#facts.unified !== null) roots.add(this.#facts.unified);
    return [...roots].map((root) => `${root}/${this.path}`);
  }

  exists(): boolean {
    return this.folders().some((folder) => existsSync(folder));
  }

  stats(): CgroupStats {
    return this.#facts.layout === 'v2' ? this.#statsV2() : this.#statsV1();
  }

  /** How often the kernel killed a process of the group for want of memory. */
  oomKills(): number {
    const file = this.#facts.layout === 'v2' ? 'memory.events' : 'memory.oom_control';
    return parseKeyed(this.#read('memory', file)).get('oom_kill') ?? 0;
  }

  /** Stops every process where it is; resolves when all have stopped. Rejects `not-supported` on a host without a freezer. */
  async freeze(): Promise<void> {
    await freeze(this.#freezer());
  }

  /** Lets the processes go on. Fine when they do. */
  thaw(): void {
    thaw(this.#freezer());
  }

  frozen(): boolean {
    const folder = this.#folder('freezer');
    return folder !== null && isFrozen(freezerOf(folder, this.#version));
  }

  /** Changes the limits of a group that has those of `before`. Throws when the kernel refuses. */
  limit(before: Resources, after: Resources): void {
    writeLimits((controller) => this.#folder(controller), limitWrites(this.#version, before, after));
  }

  /** All processes, of groups below too. */
  pids(): number[] {
    const found = new Set<number>();
    // v1 puts a process into one group of each hierarchy: any one that every runtime uses will do, and the rest catches what is odd.
    for (const folder of this.folders()) {
      for (const pid of pidsBelow(folder)) found.add(pid);
    }
    return [...found];
  }

  /** SIGKILL to everything inside, again until nothing is left. Rejects when something survives. */
  async kill(): Promise<void> {
    const deadline = Date.now() + KILL_DEADLINE;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const pids = this.pids().filter((pid) => this.#processes.alive(pid));
      if (pids.length === 0) return;
      if (Date.now() > deadline) {
        throw new HullError(
          'command-failed',
          `processes of control group ${this.path} survive SIGKILL: ${pids.slice(0, 10).join(', ')}`,
        );
      }
      this.#killNow(pids);
      // A frozen process dies only when it is let go on.
      if (this.frozen()) this.thaw();
      await sleep(pause);
    }
  }

  /** Removes the group and those below; it must be empty of processes. Fine when absent. Returns folders that could not be removed. */
  remove(): string[] {
    return this.folders().filter((folder) => !removeTree(folder));
  }

  /** As `remove`, but waits for processes that have ended and are counted a moment longer. Rejects when something stays inside. */
  async removeWhenEmpty(): Promise<void> {
    for (let pause = 1; ; pause *= 2) {
      const [left] = this.remove();
      if (left === undefined) return;
      if (pause > 512)
        throw new HullError(
          'command-failed',
          `cannot remove the control group ${left}: processes are still inside`,
        );
      await sleep(pause);
    }
  }

  #killNow(pids: readonly number[]): void {
    if (this.#facts.layout === 'v2' && this.#facts.unified !== null) {
      try {
        writeFileSync(`${this.#facts.unified}/${this.path}/cgroup.kill`, '1');
        return;
      } catch {
        // Kernels before 5.14 have no cgroup.kill.
      }
    }
    for (const pid of pids) this.#processes.kill(pid, 9);
  }

  #statsV2(): CgroupStats {
    const cpu = parseKeyed(this.#read('cpu', 'cpu.stat'));
    const block = parseBlockBytes(this.#read('io', 'io.stat'));
    return {
      cpuNanoseconds: (cpu.get('usage_usec') ?? 0) * 1000,
      cpuUserNanoseconds: (cpu.get('user_usec') ?? 0) * 1000,
      cpuKernelNanoseconds: (cpu.get('system_usec') ?? 0) * 1000,
      ...this.#memory('memory.current', 'memory.max', 'inactive_file'),
      ...this.#pidCounts(),
      blockRead: block.read,
      blockWrite: block.write,
    };
  }

  #statsV1(): CgroupStats {
    const recursive = this.#read('blkio', 'blkio.throttle.io_service_bytes_recursive');
    const block = parseBlockBytes(recursive || this.#read('blkio', 'blkio.throttle.io_service_bytes'));
    return {
      cpuNanoseconds: this.#number('cpuacct', 'cpuacct.usage'),
      cpuUserNanoseconds: this.#number('cpuacct', 'cpuacct.usage_user'),
      cpuKernelNanoseconds: this.#number('cpuacct', 'cpuacct.usage_sys'),
      ...this.#memory('memory.usage_in_bytes', 'memory.limit_in_bytes', 'total_inactive_file'),
      ...this.#pidCounts(),
      blockRead: block.read,
      blockWrite: block.write,
    };
  }

  #memory(usage: string, limit: string, inactive: string) {
    const maximum = parseLimit(this.#read('memory', limit));
    const host = totalmem();
    return {
      memoryUsage: this.#number('memory', usage),
      memoryInactiveFile: parseKeyed(this.#read('memory', 'memory.stat')).get(inactive) ?? 0,
      memoryLimit: typeof maximum === 'number' && maximum > 0 ? Math.min(maximum, host) : host,
    };
  }

  #pidCounts() {
    const limit = parseLimit(this.#read('pids', 'pids.max'));
    return { pids: this.#number('pids', 'pids.current'), pidsLimit: typeof limit === 'number' ? limit : 0 };
  }

  #number(controller: string, file: string): number {
    const value = parseLimit(this.#read(controller, file));
    return typeof value === 'number' ? value : 0;
  }

  #read(controller: string, file: string): string {
    const folder = this.#folder(controller);
    return folder === null ? '' : readOrEmpty(`${folder}/${file}`);
  }

  #folder(controller: string): string | null {
    const root = this.#facts.layout === 'v2' ? this.#facts.unified : this.#facts.controllers.get(controller);
    return root === null || root === undefined ? null : `${root}/${this.path}`;
  }

  #freezer(): Freezer {
    const folder = this.#folder('freezer');
    if (folder !== null) return freezerOf(folder, this.#version);
    throw new HullError('not-supported', 'this host has no freezer control group: nothing can be paused');
  }

  /** Where the controllers are: on a hybrid host on v1. */
  get #version(): 'v1' | 'v2' {
    return this.#facts.layout === 'v2' ? 'v2' : 'v1';
  }
}

function pidsBelow(folder: string): number[] {
  const own = parsePids(readOrEmpty(`${folder}/cgroup.procs`));
  return [...own, ...subfolders(folder).flatMap((name) => pidsBelow(`${folder}/${name}`))];
}

/** Groups are removed bottom up with rmdir(2); their files go with them. */
function removeTree(folder: string): boolean {
  if (!existsSync(folder)) return true;
  for (const name of subfolders(folder)) removeTree(`${folder}/${name}`);
  return removeFolder(folder);
}

function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
