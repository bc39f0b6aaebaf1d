import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, type FSWatcher } from 'node:fs';

/** Milliseconds. */
const LOOK_AGAIN = 5;

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

  read(id: string): ExitRecord | null {
    try {
      const code = Number.parseInt(readFileSync(`${this.path}/${id}`, 'utf8'), 10);
      if (Number.isNaN(code)) return null;
      return { code: code & 0xff, finishedAt: Math.round(statSync(`${this.path}/${id}`).mtimeMs) };
    } catch {
      return null;
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
      if (name !== null && this.#waiting.has(name)) this.#arrived(name);
      if (this.#lookAgain === null) this.#lookAgain = setTimeout(() => this.#sweep(), LOOK_AGAIN);
    });
    return watcher;
  }

  /** Of several events at almost the same time not all are told: one of them is enough to look for the others. */
  #sweep(): void {
    this.#lookAgain = null;
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
