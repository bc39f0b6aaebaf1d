import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import { type EngineIdentity, names } from '../../model/engine-identity.ts';
import type { Resources } from '../../model/resources.ts';

const REMOVE_DEADLINE = 3_000;

/**
 * The control group of a VM's processes, `hull-<tag>/<id>`: QEMU and its helpers, so that their cost can be read and the CPU quota holds. What
 * the host does not allow is left out: a VM's memory is bounded by its own shape anyway.
 */
export class QemuCgroups {
  readonly #cgroups: Cgroups;
  readonly #identity: EngineIdentity;

  constructor(host: Host, identity: EngineIdentity) {
    this.#cgroups = new Cgroups(host, identity);
    this.#identity = identity;
  }

  group(id: string): ReturnType<Cgroups['group']> {
    return this.#cgroups.group(`${names.cgroupParent(this.#identity)}/${id}`);
  }

  /** Makes the group and moves the processes in. */
  place(id: string, pids: readonly number[], resources: Resources): void {
    const isV2 = this.#cgroups.facts().layout === 'v2';
    for (const folder of this.group(id).folders()) {
      if (!attempt(() => mkdirSync(folder, { recursive: true }))) continue;
      if (isV2) this.#delegate(folder);
      else inheritCpuset(folder);
      for (const pid of pids) attempt(() => writeFileSync(`${folder}/cgroup.procs`, String(pid)));
    }
    attempt(() => this.limit(id, {}, resources));
  }

  /** Changes the limits that hold for QEMU: those of CPU and disk. Memory and processes are the guest's own. Throws when the kernel refuses. */
  limit(id: string, before: Resources, after: Resources): void {
    this.group(id).limit(hostPart(before), hostPart(after));
  }

  /** Ends whatever is still in the group and removes it. Fine when there is none. */
  async remove(id: string): Promise<void> {
    const group = this.group(id);
    await group.kill();
    // A process that has ended holds its group until its parent has asked for its status: a moment.
    let left = group.remove();
    for (
      const deadline = Date.now() + REMOVE_DEADLINE;
      left.length > 0 && Date.now() < deadline;
      left = group.remove()
    ) {
      await sleep(2);
    }
    if (left.length > 0) throw new Error(`cannot remove the control groups ${left.join(', ')}`);
  }

  /** On v2, controllers must be handed down at every level. */
  #delegate(folder: string): void {
    const parent = dirname(folder);
    for (const level of [dirname(parent), parent]) {
      for (const controller of ['cpu', 'memory', 'io', 'pids']) {
        attempt(() => writeFileSync(`${level}/cgroup.subtree_control`, `+${controller}`));
      }
    }
  }
}

/** What bounds QEMU from outside, and does not break it: a guest's memory is its shape, its processes are not the host's. */
function hostPart(resources: Resources): Resources {
  const guests = ['memory', 'memorySwap', 'memoryReservation', 'memorySwappiness', 'pidsLimit'];
  return Object.fromEntries(Object.entries(resources).filter(([field]) => !guests.includes(field)));
}

/** On v1 a new group has no CPUs, and takes no process before it has some. */
function inheritCpuset(folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    for (const level of [dirname(folder), folder]) {
      const path = `${level}/${file}`;
      if (!existsSync(path) || readFileSync(path, 'utf8').trim() !== '') continue;
      attempt(() => writeFileSync(path, readFileSync(`${dirname(level)}/${file}`)));
    }
  }
}

function attempt(step: () => unknown): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}
