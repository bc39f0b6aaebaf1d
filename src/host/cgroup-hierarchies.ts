import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { withFileLock } from './file-lock.ts';
import { type CgroupFacts, cgroupFacts, unmountedControllers } from './cgroup-parse.ts';
import type { Mounts } from './host.ts';
import { subfolders } from './subfolders.ts';

/** What crun refuses to leave on the v2 side of a hybrid host, and what a kernel offers on v2 without naming it. */
const CRUN_NEEDS = ['hugetlb', 'perf_event'];

/** Where things are; another place in tests. */
export interface HierarchyPlaces {
  /** Hierarchies are mounted below it. */
  readonly root: string;
  /** The names of those that an engine has mounted, shared by all engines of the host, and their lock. */
  readonly record: string;
  /** What the kernel offers: /proc/cgroups. */
  readonly offered: () => string;
}

const PLACES: HierarchyPlaces = {
  root: '/sys/fs/cgroup',
  record: '/run/hull-cgroups',
  offered: () => readFileSync('/proc/cgroups', 'utf8'),
};

/**
 * The v1 hierarchies that crun wants on a hybrid host and that nothing else has mounted. Engines share them: each holds them by its parent group,
 * made together with the mount, so that one that leaves sees that another stays; the last one unmounts. Looking and acting happen under one lock.
 */
export class CrunHierarchies {
  readonly #mounts: Pick<Mounts, 'mount' | 'detach' | 'list'>;
  readonly #parent: string;
  readonly #places: HierarchyPlaces;
  #needed: readonly string[] | null = null;

  /** `parent`: the engine's own group. */
  constructor(
    mounts: Pick<Mounts, 'mount' | 'detach' | 'list'>,
    parent: string,
    places: HierarchyPlaces = PLACES,
  ) {
    this.#mounts = mounts;
    this.#parent = parent;
    this.#places = places;
  }

  /** Mounts what is missing and holds it. Fine when all is there. Throws what the kernel says. */
  prepare(): void {
    withFileLock(this.#places.record, () => {
      const missing = unmountedControllers(this.#places.offered(), this.#facts().controllers);
      for (const name of missing.filter((one) => CRUN_NEEDS.includes(one))) {
        this.#mount(name);
        this.#remember([...this.#recorded(), name]);
      }
      const { controllers } = this.#facts();
      this.#needed = CRUN_NEEDS.filter((name) => controllers.has(name));
      for (const name of this.#needed) mkdirSync(this.#hold(name), { recursive: true });
    });
  }

  /** Is all still there and held? Two looks at files. */
  ready(): boolean {
    return this.#needed?.every((name) => existsSync(`${this.#hold(name)}/cgroup.procs`)) ?? false;
  }

  /** Gives up the hold, and unmounts what an engine has mounted and no group is left in. Fine when nothing is held. */
  leave(): void {
    this.#needed = null;
    withFileLock(this.#places.record, () => {
      for (const name of CRUN_NEEDS) this.#release(name);
      const stays = (name: string): boolean => subfolders(this.#path(name)).length > 0;
      const recorded = this.#recorded();
      for (const name of recorded.filter((one) => !stays(one))) {
        this.#mounts.detach(this.#path(name));
        // What was made in the mount point's place while nothing was mounted comes to light now.
        this.#release(name);
      }
      this.#remember(recorded.filter(stays));
    });
  }

  #facts(): CgroupFacts {
    return cgroupFacts(this.#mounts.list());
  }

  /**
   * With `favordynmods` (kernel 6.0) moving a process into a group no longer waits for a grace period of all CPUs: a start takes 30 instead of
   * 45 ms. It holds for all hierarchies as long as this one is mounted; forks elsewhere become slower by nanoseconds.
   */
  #mount(name: string): void {
    const target = this.#path(name);
    this.#release(name);
    const made = mkdirSync(target, { recursive: true }) !== undefined;
    try {
      this.#mounts.mount('cgroup', target, 'cgroup', `${name},favordynmods`);
    } catch {
      try {
        this.#mounts.mount('cgroup', target, 'cgroup', name);
      } catch (error) {
        // Container runtimes would take a folder that is left for a hierarchy.
        if (made) removeFolder(target);
        throw error;
      }
    }
  }

  /**
   * Removes the engine's own group, and the folder itself where it is a plain one: where a hierarchy was not mounted for a while, container
   * runtimes have made folders in its place, and others would take them for a hierarchy.
   */
  #release(name: string): void {
    const path = this.#path(name);
    if (!existsSync(path)) return;
    const mounted = existsSync(`${path}/cgroup.procs`);
    if (mounted) removeFolder(this.#hold(name));
    else rmSync(this.#hold(name), { recursive: true, force: true });
    if (!mounted && subfolders(path).length === 0) removeFolder(path);
  }

  #path(name: string): string {
    return `${this.#places.root}/${name}`;
  }

  #hold(name: string): string {
    return `${this.#path(name)}/${this.#parent}`;
  }

  #recorded(): string[] {
    const names = readFileSync(this.#places.record, 'utf8').split('\n');
    return [...new Set(names)].filter((name) => CRUN_NEEDS.includes(name));
  }

  #remember(names: readonly string[]): void {
    writeFileSync(this.#places.record, names.map((name) => `${name}\n`).join(''));
  }
}

/** Fine when it cannot be: it is not empty, and somebody else's. */
function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // See above.
  }
}
