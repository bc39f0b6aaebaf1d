import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, type FSWatcher } from 'node:fs';

/** Milliseconds. */
const LOOK_AGAIN = 5;
/** When the folder could not be read: no descriptor was left. */
const TRY_AGAIN = 250;

export interface ExitRecord {
  readonly code: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
}

/**
 * Exit statuses as conmon leaves them: one file per container, named by its id, holding the number. They are there for a later daemon too.
 * One watch serves all instances.
 */
export class ExitFolder {
  readonly path: string;
  readonly #waiting = new Map<string, () => void>();
  #watcher: FSWatcher | null = null;
  #lookAgain: ReturnType<typeof setTimeout> | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder. */
  prepare(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  /** Null where there is none yet. Throws what keeps it from being read. */
  read(id: string): ExitRecord | null {
    try {
      const code = Number.parseInt(readFileSync(`${this.path}/${id}`, 'utf8'), 10);
      if (Number.isNaN(code)) return null;
      return { code: code & 0xff, finishedAt: Math.round(statSync(`${this.path}/${id}`).mtimeMs) };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Calls `arrived` once when the file of `id` may be there. Returns how to stop waiting. */
  expect(id: string, arrived: () => void): () => void {
    this.#waiting.set(id, arrived);
    this.#watcher ??= this.#watch();
    if (this.read(id) !== null) this.#arrived(id);
    return () => this.#forget(id);
  }

  remove(id: string): void {
    this.#forget(id);
    rmSync(`${this.path}/${id}`, { force: true });
  }

  #watch(): FSWatcher {
    this.prepare();
    const watcher = watch(this.path, { persistent: false }, (_, name) => {
      this.#lookAgainIn(LOOK_AGAIN);
      if (name !== null && this.#waiting.has(name)) this.#patiently(() => this.#arrived(name));
    });
    return watcher;
  }

  #lookAgainIn(milliseconds: number): void {
    if (this.#lookAgain !== null) return;
    this.#lookAgain = setTimeout(() => {
      this.#lookAgain = null;
      this.#patiently(() => this.#sweep());
    }, milliseconds);
  }

  /** An event that could not be followed up is not told again. */
  #patiently(look: () => void): void {
    try {
      look();
    } catch {
      this.#lookAgainIn(TRY_AGAIN);
    }
  }

  /** Of several events at almost the same time not all are told: one of them is enough to look for the others. */
  #sweep(): void {
    for (const id of this.#waiting.size === 0 ? [] : readdirSync(this.path))
      if (this.#waiting.has(id)) this.#arrived(id);
  }

  #arrived(id: string): void {
    if (this.read(id) === null) return;
    const tell = this.#waiting.get(id);
    this.#forget(id);
    tell?.();
  }

  #forget(id: string): void {
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    this.#watcher?.close();
    this.#watcher = null;
  }
}
