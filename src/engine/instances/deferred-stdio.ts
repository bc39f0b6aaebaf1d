import type { OutputChunk, Stdio } from '../../runtime/runtime.ts';

/** VINTR of a terminal: what Ctrl-C types. */
const INTERRUPT = 3;

/**
 * Stdio of a run that has not begun: taken before the start so that no byte is missed, connected when the run exists, ended when it never will.
 */
export class DeferredStdio implements Stdio {
  readonly #actual = Promise.withResolvers<Stdio | null>();
  readonly #onInterrupt: () => void;
  #left = false;
  #connected = false;

  /** `onInterrupt`: the interrupt character was typed, and there is no run that could take it. */
  constructor(onInterrupt: () => void = () => undefined) {
    this.#onInterrupt = onInterrupt;
  }

  /** The run exists now. */
  connect(actual: Stdio): void {
    this.#connected = true;
    if (this.#left) actual.detach();
    else this.#actual.resolve(actual);
  }

  /** There will be no run. */
  end(): void {
    this.#actual.resolve(null);
  }

  get left(): boolean {
    return this.#left;
  }

  get output(): AsyncIterable<OutputChunk> {
    return this.#read();
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.#connected && data.includes(INTERRUPT)) this.#onInterrupt();
    await (await this.#actual.promise)?.write(data);
  }

  async closeInput(): Promise<void> {
    await (await this.#actual.promise)?.closeInput();
  }

  detach(): void {
    this.#left = true;
    void this.#actual.promise.then((actual) => actual?.detach());
    this.end();
  }

  async *#read(): AsyncGenerator<OutputChunk> {
    const actual = await this.#actual.promise;
    if (actual !== null) yield* actual.output;
  }
}

/** Those who attached before the start, by instance. */
export class PendingAttachments {
  readonly #pending = new Map<string, { stdio: DeferredStdio; stdin: boolean }[]>();

  /** `onInterrupt`: see `DeferredStdio`. */
  add(id: string, options: { stdin: boolean }, onInterrupt?: () => void): Stdio {
    const stdio = new DeferredStdio(onInterrupt);
    this.#pending.set(id, [
      ...(this.#pending.get(id) ?? []).filter((entry) => !entry.stdio.left),
      { stdio, ...options },
    ]);
    return stdio;
  }

  /** Connects all that wait, each with a stdio of its own. */
  async connect(id: string, attach: (options: { stdin: boolean }) => Promise<Stdio>): Promise<void> {
    const waiting = this.#take(id);
    await Promise.all(
      waiting.map(async ({ stdio, stdin }) => {
        if (!stdio.left) stdio.connect(await attach({ stdin }));
      }),
    );
  }

  end(id: string): void {
    for (const { stdio } of this.#take(id)) stdio.end();
  }

  #take(id: string): { stdio: DeferredStdio; stdin: boolean }[] {
    const waiting = this.#pending.get(id) ?? [];
    this.#pending.delete(id);
    return waiting;
  }
}
