import { Alarms } from '../../lib/alarms.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import { isAlive } from '../../model/instance-status.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { opensFiles, type FileAccess, type RestingFiles } from '../../runtime/runtime.ts';
import { within } from './endings.ts';
import type { InstanceRecord } from './record.ts';
import type { Runs } from './run.ts';

/** Milliseconds that files stay open for the next request: a copy takes several. */
const IDLE = 5_000;
/** Seconds that those who copy may hold up a start. */
const PATIENCE = 30;

export interface FilesAtRestParts {
  /** Runs `work` while nobody else changes the instance. */
  readonly exclusively: <T>(id: string, work: () => Promise<T>) => Promise<T>;
  readonly get: (id: string) => InstanceRecord;
  readonly runs: Pick<Runs, 'runtimeOf' | 'filesBundle'>;
  readonly log: (message: string) => void;
}

/** To be given back, once. */
export interface BorrowedFiles {
  readonly access: FileAccess;
  readonly giveBack: () => void;
}

interface OpenFiles {
  /** As it was then: mounts may have changed since. */
  readonly config: InstanceConfig;
  /** With all of its mounts. */
  readonly mounted: boolean;
  readonly runtime: FileAccess & RestingFiles;
  readonly release: () => Promise<void>;
  users: number;
  /** Called when nobody uses them any more. */
  onIdle: () => void;
}

/**
 * Files of instances that do not run and whose files only their runtime reaches, which takes a boot: opened for the first request, shared by those that
 * come soon, closed before anything happens to the instance. Its record says nothing of this: the instance is as much at rest as before, for
 * everybody, the next daemon included.
 */
export class FilesAtRest {
  readonly #parts: FilesAtRestParts;
  readonly #open = new Map<string, OpenFiles>();
  /** Being opened, open, or being closed. */
  readonly #active = new Set<string>();
  readonly #closings = new Alarms();

  constructor(parts: FilesAtRestParts) {
    this.#parts = parts;
  }

  /** Does something exist on the host for this instance's files? */
  has(id: string): boolean {
    return this.#active.has(id);
  }

  /** Waits for what happens to the instance now. Of one that runs by then: as it runs. `mounts`: what is mounted on the root is asked for as well. */
  borrow(id: string, { mounts }: { mounts: boolean }, signal?: AbortSignal): Promise<BorrowedFiles> {
    return this.#parts.exclusively(id, async () => {
      signal?.throwIfAborted();
      const record = this.#parts.get(id);
      const runtime = this.#parts.runs.runtimeOf(record.config);
      if (!opensFiles(runtime))
        throw new HullError(
          'not-supported',
          `the files of ${record.config.name} can be reached only while it runs`,
        );
      if (isAlive(record.status)) return { access: runtime, giveBack: () => undefined };
      return this.#use(id, await this.#opened(runtime, record.config, mounts));
    });
  }

  /** For whoever holds the instance. Those who copy may end first, for a while. `patience`: seconds. */
  async close(id: string, patience = PATIENCE): Promise<void> {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#closings.cancel(id);
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    open.onIdle = resolve;
    if (open.users > 0) await within(idle, patience);
    await this.#close(id, open);
  }

  /** Ends also what is being opened, without waiting for whoever holds the instance: what is under way fails. */
  async cutShort(id: string): Promise<void> {
    if (!this.has(id)) return;
    const runtime = this.#parts.runs.runtimeOf(this.#parts.get(id).config);
    if (opensFiles(runtime)) await runtime.closeFiles(id);
  }

  /** For the daemon's end. */
  async closeAll(): Promise<void> {
    this.#closings.cancelAll();
    const close = async (id: string): Promise<void> => {
      await this.cutShort(id);
      await this.#parts.exclusively(id, () => this.close(id, 0));
    };
    await Promise.all(
      [...this.#active].map((id) => close(id).catch((error: unknown) => this.#failed(id, error))),
    );
  }

  async #opened(
    runtime: FileAccess & RestingFiles,
    config: InstanceConfig,
    mounts: boolean,
  ): Promise<OpenFiles> {
    const { id } = config;
    const open = this.#open.get(id);
    const answers = runtime.filesAreOpen(id);
    if (open !== undefined && answers && open.config === config && (open.mounted || !mounts)) return open;
    await this.close(id, answers ? PATIENCE : 0);
    return await this.#openAnew(runtime, config, mounts);
  }

  async #openAnew(
    runtime: FileAccess & RestingFiles,
    config: InstanceConfig,
    mounts: boolean,
  ): Promise<OpenFiles> {
    const { id } = config;
    this.#active.add(id);
    try {
      const { bundle, release } = await this.#parts.runs.filesBundle(config, { mounts });
      try {
        await runtime.openFiles(bundle);
      } catch (error) {
        await release();
        throw error;
      }
      const mounted = mounts || config.mounts.length === 0;
      const open = { config, mounted, runtime, release, users: 0, onIdle: () => undefined };
      this.#open.set(id, open);
      return open;
    } catch (error) {
      this.#active.delete(id);
      throw error;
    }
  }

  #use(id: string, open: OpenFiles): BorrowedFiles {
    open.users += 1;
    this.#closings.cancel(id);
    return { access: open.runtime, giveBack: () => this.#giveBack(id, open) };
  }

  #giveBack(id: string, open: OpenFiles): void {
    open.users -= 1;
    if (open.users > 0) return;
    open.onIdle();
    if (this.#open.get(id) === open) this.#closings.set(id, IDLE, () => void this.#closeIdle(id, open));
  }

  async #closeIdle(id: string, open: OpenFiles): Promise<void> {
    const close = async (): Promise<void> => {
      if (open.users === 0 && this.#open.get(id) === open) await this.#close(id, open);
    };
    await this.#parts.exclusively(id, close).catch((error: unknown) => this.#failed(id, error));
  }

  /** What is left when it fails is found by `hull check`. */
  async #close(id: string, open: OpenFiles): Promise<void> {
    this.#open.delete(id);
    try {
      await open.runtime.closeFiles(id);
    } finally {
      await open.release().finally(() => this.#active.delete(id));
    }
  }

  #failed(id: string, error: unknown): void {
    this.#parts.log(`closing the files of ${id.slice(0, 12)} failed: ${messageOf(error)}`);
  }
}
