import type { Host } from '../host/host.ts';
import { SharedWork } from '../lib/shared-work.ts';
import { Slots } from '../lib/slots.ts';
import { HullError } from '../model/errors.ts';

/** Trees that are measured at the same time: more would only make the disk seek. */
const AT_ONCE = 2;

/**
 * How much files take, as Docker counts: the apparent bytes of everything that is no folder, each file once however many names it has. A
 * low-priority process walks; those who ask for the same tree at the same time share one walk, which ends when the last of them has gone.
 */
export class TreeSizes {
  readonly #host: Pick<Host, 'exec'>;
  readonly #slots = new Slots(AT_ONCE);
  readonly #walks = new SharedWork<number>();

  constructor(host: Pick<Host, 'exec'>) {
    this.#host = host;
  }

  /** Bytes below a folder, other file systems left out; 0 when it does not exist. Rejects with the signal's reason. */
  measure(folder: string, signal?: AbortSignal): Promise<number> {
    const walk = (stopped: AbortSignal): Promise<number> =>
      this.#slots.run(() => this.#walk(folder, stopped));
    return this.#walks.run(folder, walk, signal);
  }

  async #walk(folder: string, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const walk = ['find', folder, '-xdev', '!', '-type', 'd', '-printf', String.raw`%n %i %s\n`];
    const child = this.#host.exec.spawn(['nice', '-n', '10', ...walk], { stdout: 'pipe' });
    const kill = (): void => child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    try {
      const counter = new SizeCounter();
      if (child.stdout !== null) for await (const chunk of child.stdout) counter.add(String(chunk));
      const code = await child.exited;
      // Files that go away while they are counted are no failure: find says 1 then.
      if (code > 1 && !signal.aborted)
        throw new HullError('command-failed', `find ended with status ${code} while it measured ${folder}`);
      signal.throwIfAborted();
      return counter.bytes;
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }
}

/** Adds up lines `LINKS INODE BYTES` that arrive in pieces. */
export class SizeCounter {
  bytes = 0;
  #rest = '';
  readonly #linked = new Set<string>();

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [links, inode = '', size] = line.split(' ');
      if (links !== '1') {
        if (this.#linked.has(inode)) continue;
        this.#linked.add(inode);
      }
      this.bytes += Number(size);
    }
  }
}
