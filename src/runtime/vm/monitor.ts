import { setTimeout as sleep } from 'node:timers/promises';
import { HullError } from '../../model/errors.ts';
import { QmpClient } from './qmp.ts';
import { afterEvent, afterStatus, retryDelay, SOUND, type VmCondition } from './vm-condition.ts';

/** QEMU on a busy host takes its time to listen; one that has gone is not waited for. */
const CONNECT_DEADLINE = 30_000;
const RECONNECT_PAUSE = 500;
/** Milliseconds that QEMU's last words may take to arrive when it has gone. */
const LAST_WORDS_DEADLINE = 1_000;

export interface MonitorOptions {
  /** The socket of QEMU's monitor. */
  readonly path: string;
  readonly alive: () => boolean;
  /** Called after each change of what QEMU has said. */
  readonly onChange?: (now: VmCondition, before: VmCondition) => void;
}

/**
 * The one connection to a VM's monitor, from its creation or adoption on, made again for as long as QEMU lives: what QEMU says is heard, and a VM
 * that stands still for want of room on the host is let go on when there is some.
 */
export class VmMonitor {
  readonly #options: MonitorOptions;
  #condition = SOUND;
  /** What was told last: a try to go on that fails at once is not told. */
  #told = SOUND;
  #client: Promise<QmpClient> | null = null;
  #closed = false;
  #held = false;
  #retrying = false;
  /** Aborted at its end. */
  readonly #over = new AbortController();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  get condition(): VmCondition {
    return this.#condition;
  }

  /** Resolves when it is connected. Rejects `guest-unreachable`. */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** Runs a command of QEMU's; see `QmpClient.execute`. */
  async execute(command: string): Promise<unknown> {
    const client = await this.#connect();
    return await client.execute(command);
  }

  /** Somebody has stopped the VM and does not want it to go on by itself. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) void this.#retry();
  }

  /** What QEMU has said. `ended`: it has gone, and the last of that may still be on its way. */
  async lastCondition(ended: boolean): Promise<VmCondition> {
    const client = ended ? await this.#client?.catch(() => null) : null;
    if (client !== null && client !== undefined)
      await Promise.race([client.closed, sleep(LAST_WORDS_DEADLINE, undefined, { ref: false })]);
    return this.#condition;
  }

  close(): void {
    this.#closed = true;
    this.#over.abort();
    this.#client?.then((client) => client.close()).catch(() => undefined);
  }

  #connect(): Promise<QmpClient> {
    if (this.#closed) return Promise.reject(new HullError('guest-unreachable', 'the monitor is closed'));
    if (this.#client !== null) return this.#client;
    const connecting = this.#connectNow();
    this.#client = connecting;
    const lost = (): void => {
      if (this.#client === connecting) this.#client = null;
      void this.#reconnect();
    };
    connecting.then((client) => client.closed.then(lost), lost);
    return connecting;
  }

  async #connectNow(): Promise<QmpClient> {
    const { path, alive } = this.#options;
    const heard = (name: string, data: unknown): void =>
      this.#became(afterEvent(this.#condition, name, data));
    const client = await QmpClient.connect(path, CONNECT_DEADLINE, heard, () => !alive());
    // Of what happened while nobody listened.
    this.#became(afterStatus(this.#condition, await client.execute('query-status')));
    return client;
  }

  async #reconnect(): Promise<void> {
    await this.#pause(RECONNECT_PAUSE);
    if (this.#closed || this.#client !== null || !this.#options.alive()) return;
    await this.#connect().catch(() => undefined);
  }

  #became(now: VmCondition): void {
    this.#condition = now;
    if (!this.#retrying) this.#tell();
    if (now.stalled) void this.#retry();
  }

  #tell(): void {
    const before = this.#told;
    this.#told = this.#condition;
    if (before !== this.#told) this.#options.onChange?.(this.#told, before);
  }

  /** QEMU asks the host again, and stops again where it still cannot. */
  async #retry(): Promise<void> {
    if (this.#retrying || !this.#condition.stalled) return;
    this.#retrying = true;
    for (let tries = 0; ; tries++) {
      await this.#pause(retryDelay(tries));
      if (this.#closed || this.#held || !this.#options.alive()) break;
      if (this.#condition.stalled) await this.execute('cont').catch(() => undefined);
      // It stops at once where nothing has changed.
      await this.#pause(CALM);
      if (!this.#condition.stalled) break;
    }
    this.#retrying = false;
    if (!this.#closed) this.#tell();
  }

  #pause(milliseconds: number): Promise<unknown> {
    const options = { ref: false, signal: this.#over.signal };
    return sleep(milliseconds, undefined, options).catch(() => undefined);
  }
}

/** Milliseconds that a VM must go on until it is believed to. */
const CALM = 250;
