import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makePrivateFolder } from '../host/private-files.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Removals } from './removals.ts';

/** Where storage keeps what, below the engine's two folders. Layers' paths are short: overlayfs takes them all in one page. */
export class DataFolders {
  readonly blobs: string;
  readonly layers: string;
  readonly disks: string;
  readonly instances: string;
  readonly volumes: string;
  /** What volumes held once. */
  readonly snapshots: string;
  readonly machines: string;
  /** Half-made things; emptied at start. On the same filesystem, so that finished ones are renamed into place. */
  readonly temporary: string;
  /** What recovery found without a record: see `SetAside`. */
  readonly setAside: string;
  /** What is not wanted any more, until it is deleted (`removals.ts`). On the same filesystem too. */
  readonly removing: string;
  /** Mount points of instances, and of builds and the like. Volatile. */
  readonly roots: string;
  readonly scratchRoots: string;
  /** A folder that is always empty: a lower layer for images without one. */
  readonly empty: string;
  readonly #active = new Set<string>();

  constructor({ dataDir, runDir }: EngineIdentity) {
    this.blobs = join(dataDir, 'blobs/sha256');
    this.layers = join(dataDir, 'l');
    this.disks = join(dataDir, 'disks');
    this.instances = join(dataDir, 'instances');
    this.volumes = join(dataDir, 'volumes');
    this.snapshots = join(dataDir, 'snapshots');
    this.machines = join(dataDir, 'machines');
    this.temporary = join(dataDir, 'tmp');
    this.setAside = join(dataDir, 'set-aside');
    this.removing = join(dataDir, 'removing');
    this.roots = join(runDir, 'rootfs');
    this.scratchRoots = join(runDir, 'build');
    this.empty = join(runDir, 'empty');
  }

  /** Makes them all. Fine when they are there: they are made private again, whoever made them. */
  make(): void {
    for (const folder of [
      dirname(this.blobs),
      this.blobs,
      this.layers,
      this.disks,
      this.instances,
      this.volumes,
      this.snapshots,
      this.machines,
      this.temporary,
      this.setAside,
      this.removing,
      this.roots,
      this.scratchRoots,
      this.empty,
    ])
      makePrivateFolder(folder);
  }

  /** A name for something temporary. */
  fresh(): string {
    return randomBytes(6).toString('hex');
  }

  /** A name for a layer: as short as may be, because all of a mount's must fit into one page. */
  freshLayer(): string {
    for (;;) {
      const name = (randomBytes(4).readUInt32BE() % 36 ** 5).toString(36).padStart(5, '0');
      if (!existsSync(join(this.layers, name))) return name;
    }
  }

  /** Runs `work` with a path in the temporary folder (not made); whatever is there afterwards is removed. */
  async withTemporary<T>(
    removals: Pick<Removals, 'discard'>,
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    const name = this.fresh();
    this.#active.add(name);
    try {
      return await work(join(this.temporary, name));
    } finally {
      removals.discard(join(this.temporary, name));
      this.#active.delete(name);
    }
  }

  /** A path in the temporary folder that the caller takes care of. `mark`: what it is, for `removedBefore`. */
  temporaryPath(mark?: string): { path: string; done: () => void } {
    const name = mark === undefined ? this.fresh() : `${mark}-${this.fresh()}`;
    this.#active.add(name);
    return { path: join(this.temporary, name), done: () => void this.#active.delete(name) };
  }

  /** The rest of the marks `KIND-REST` of what an earlier daemon was removing when it ended. */
  removedBefore(kind: string): string[] {
    return readdirSync(this.temporary).flatMap((name) => {
      const rest = name.startsWith(`${kind}-`) ? name.slice(kind.length + 1) : '';
      return /.-[0-9a-f]{12}$/.test(rest) ? [rest.slice(0, -13)] : [];
    });
  }

  /** Paths in the temporary folder that nobody works on. */
  async leftovers(): Promise<string[]> {
    const names = await readdir(this.temporary);
    return names.filter((name) => !this.#active.has(name)).map((name) => join(this.temporary, name));
  }
}
