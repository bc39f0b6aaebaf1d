import { cString, type Libc } from './libc.ts';
import { trimEndOf } from '../lib/trim-end.ts';

/** <sys/inotify.h> */
const IN_CREATE = 0x100;
const IN_MOVED_TO = 0x80;
const IN_ONLYDIR = 0x0100_0000;
const IN_IGNORED = 0x8000;
const IN_Q_OVERFLOW = 0x4000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
/** struct inotify_event without its name. */
const EVENT = 16;

type Listener = (name: string | null) => void;

/**
 * Tells of names that appear in folders. `fs.watch` would do, but it also wakes the process for every write to a file in the folder: with
 * logs that is a wake-up, and a turn of the event loop, for each line that a workload prints. One descriptor for all folders, made when it is
 * first needed, for the life of the process.
 */
export class NameWatch {
  readonly #libc: Libc;
  readonly #folders = new Map<number, Map<symbol, Listener>>();
  #descriptor = -1;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /**
   * Calls `onName` for each entry that is made in, or moved into, `folder`, until the returned function is called; null when the
   * kernel could not keep up and names were lost. Throws when the folder is not there.
   */
  watch(folder: string, onName: Listener): () => void {
    if (this.#descriptor < 0) this.#open();
    const { symbols } = this.#libc;
    const mask = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
    const watch = this.#libc.check(
      'inotify_add_watch',
      symbols.inotify_add_watch(this.#descriptor, cString(folder), mask),
      folder,
    );
    const key = Symbol(folder);
    const listeners = this.#folders.get(watch) ?? new Map<symbol, Listener>();
    this.#folders.set(watch, listeners.set(key, onName));
    return () => {
      if (!listeners.delete(key) || listeners.size > 0 || !this.#folders.delete(watch)) return;
      // The folder may be gone, and its watch with it.
      symbols.inotify_rm_watch(this.#descriptor, watch);
    };
  }

  #open(): void {
    const descriptor = this.#libc.symbols.inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    this.#descriptor = this.#libc.check('inotify_init1', descriptor, 'names');
    void this.#read(Bun.file(this.#descriptor).stream());
  }

  async #read(events: ReadableStream<Uint8Array>): Promise<void> {
    for await (const data of events)
      this.#deliver(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  #deliver(events: Buffer): void {
    for (let at = 0; at + EVENT <= events.length;) {
      const watch = events.readInt32LE(at);
      const mask = events.readUInt32LE(at + 4);
      const length = events.readUInt32LE(at + 12);
      const name = trimEndOf(events.toString('utf8', at + EVENT, at + EVENT + length), '\0');
      at += EVENT + length;
      if ((mask & IN_IGNORED) !== 0) this.#folders.delete(watch);
      else if ((mask & IN_Q_OVERFLOW) !== 0) for (const each of [...this.#folders.values()]) tell(each, null);
      else tell(this.#folders.get(watch), name);
    }
  }
}

function tell(listeners: ReadonlyMap<symbol, Listener> | undefined, name: string | null): void {
  // Whoever is told may stop listening.
  for (const listener of [...(listeners?.values() ?? [])]) listener(name);
}
