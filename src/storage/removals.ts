import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Host } from '../host/host.ts';
import { selfCommand } from '../host/self.ts';
import { TreeRemover } from '../host/tree-removal.ts';
import type { DataFolders } from './data-folders.ts';
import { isErrno } from './tree-paths.ts';

export interface RemovalsParts {
  readonly host: Pick<Host, 'exec'>;
  readonly folders: DataFolders;
  /** The command that runs hull again. */
  readonly self?: readonly string[];
  readonly log?: (message: string) => void;
}

/** Entries that are deleted at once: what a short run leaves. */
const LITTLE = 128;
/** Milliseconds until a process empties the folder: those that come together share one, and a daemon that starts listens first. */
const DELAY = 300;
const SAID_LIMIT = 4096;

/**
 * Removes trees that are not wanted any more, whoever made them and whatever is in them. Each is moved to `DATA/removing` in one step, and is gone
 * for everybody by then; what is not deleted with a few calls is left to a process of low priority (`hull internal remove`), so that no tree holds
 * up an answer, the start or the end of the daemon. What a daemon leaves there the next one removes.
 */
export class Removals {
  readonly #parts: RemovalsParts;
  readonly #remover = new TreeRemover();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #process: Child | null = null;
  /** What cannot be moved to the folder. */
  readonly #elsewhere = new Set<string>();
  #again = false;
  #closed = false;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(parts: RemovalsParts) {
    this.#parts = parts;
  }

  /** Goes on with what an earlier daemon left. */
  start(): void {
    if (readdirSync(this.#parts.folders.removing).length > 0) this.#schedule();
  }

  /** Takes what is at `path` away; fine when there is nothing. Throws a SyscallError, and nothing has happened then. */
  discard(path: string): void {
    const { folders } = this.#parts;
    const target = join(folders.removing, folders.fresh());
    try {
      if (!this.#remover.move(path, target)) return;
      if (!this.#remover.removeLittle(target, LITTLE)) this.#schedule();
    } catch (error) {
      // A part of the data folder may be a filesystem of its own: what is there is deleted where it is.
      if (!isErrno(error, 'EXDEV')) throw error;
      if (this.#remover.removeLittle(path, LITTLE)) return;
      this.#elsewhere.add(path);
      this.#schedule();
    }
  }

  /** Moves a tree within the store's filesystem, whatever flags it has; false when there is none. Throws a SyscallError. */
  move(from: string, to: string): boolean {
    return this.#remover.move(from, to);
  }

  /** When nothing is left to do, or what is left cannot be done. */
  async settled(): Promise<void> {
    await this.#idle?.promise;
  }

  /** Ends the process; the rest stays for the next daemon. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
    this.#idle?.resolve();
  }

  #schedule(): void {
    this.#again = true;
    this.#idle ??= Promise.withResolvers();
    if (this.#closed || this.#timer !== null || this.#process !== null) return;
    this.#timer = setTimeout(() => void this.#empty(), DELAY);
    this.#timer.unref();
  }

  async #empty(): Promise<void> {
    this.#timer = null;
    const { host, folders, self = selfCommand(), log } = this.#parts;
    this.#again = false;
    const command = [...LOW_PRIORITY, ...self, 'internal', 'remove', folders.removing, ...this.#elsewhere];
    this.#elsewhere.clear();
    const child = host.exec.spawn(command, { stderr: 'pipe' });
    this.#process = child;
    let said = '';
    if (child.stderr !== null)
      for await (const chunk of child.stderr) said = (said + String(chunk)).slice(0, SAID_LIMIT);
    const code = await child.exited;
    this.#process = null;
    if (this.#closed) return;
    if (code !== 0) log?.(`what was removed stays in ${folders.removing}: ${said.trim()}`);
    if (this.#again) return this.#schedule();
    this.#idle?.resolve();
    this.#idle = null;
  }
}

const LOW_PRIORITY = ['nice', '-n', '19', 'ionice', '-t', '-c', '3'];
