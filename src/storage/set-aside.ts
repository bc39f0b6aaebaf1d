import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { DataFolders } from './data-folders.ts';
import type { Removals } from './removals.ts';
import type { SetAsideEntry, SetAsideStore } from './storage.ts';

/**
 * What recovery finds in the data folder that no record accounts for: `DATA/set-aside/DATE/KIND/NAME`, on the same filesystem, so that setting aside is
 * one rename. That something has no record is no proof that nobody wants it: the records may be those of a backup. Nothing here is deleted but by `discard`.
 */
export class SetAside implements SetAsideStore {
  readonly #folders: DataFolders;
  readonly #removals: Pick<Removals, 'discard'>;

  constructor(folders: DataFolders, removals: Pick<Removals, 'discard'>) {
    this.#folders = folders;
    this.#removals = removals;
  }

  /** Moves what lies at `path` away from where the engine works. Returns where it is now. */
  take(path: string, kind: string, now = new Date()): string {
    const date = now.toISOString().slice(0, 19).replaceAll(':', '.');
    const folder = join(this.#folders.setAside, date, kind);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const name = path.slice(path.lastIndexOf('/') + 1);
    const free = readdirSync(folder).includes(name) ? `${name}.${this.#folders.fresh()}` : name;
    renameSync(path, join(folder, free));
    return join(folder, free);
  }

  list(): readonly SetAsideEntry[] {
    const { setAside } = this.#folders;
    return readdirSync(setAside).flatMap((date) =>
      readdirSync(join(setAside, date)).flatMap((kind) =>
        readdirSync(join(setAside, date, kind)).map((name) => ({
          kind,
          path: join(setAside, date, kind, name),
        })),
      ),
    );
  }

  discard({ path }: SetAsideEntry): void {
    this.#removals.discard(path);
  }
}
