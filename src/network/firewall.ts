import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import { elementsText, type Forward, parseForwards, tableText, type TableOptions } from './nft.ts';

interface Change {
  readonly text: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** The engine's one nft table. Changes that come while `nft` runs go together in the next run. */
export class Firewall {
  readonly #host: Host;
  readonly table: string;
  #waiting: Change[] = [];
  #running = false;

  constructor(host: Host, table: string) {
    this.#host = host;
    this.table = table;
  }

  /** Makes the table, or replaces it in one transaction: established connections go on. */
  async install(options: TableOptions, forwards: readonly Forward[]): Promise<void> {
    await this.#change(tableText(options, forwards));
  }

  async publish(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length > 0) await this.#change(elementsText('add', this.table, forwards));
    await this.#forget(forwards);
  }

  /** Fine for ports that are not published. */
  async withdraw(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length === 0) return;
    // `add` first: deleting an element that is not there would fail the whole transaction.
    await this.#change(
      elementsText('add', this.table, forwards) + elementsText('delete', this.table, forwards),
    ).catch(async (error: unknown) => {
      if (await this.exists()) throw error;
    });
    await this.#forget(forwards);
  }

  async exists(): Promise<boolean> {
    return (await this.#host.exec.run(['nft', 'list', 'chain', 'ip', this.table, 'publish'])).code === 0;
  }

  /** What is published now; empty without a table. */
  async published(): Promise<Forward[]> {
    const { code, stdout } = await this.#host.exec.run(['nft', '-j', 'list', 'table', 'ip', this.table]);
    return code === 0 ? parseForwards(stdout) : [];
  }

  /** Removes the table; fine when absent. */
  async remove(): Promise<void> {
    await this.#change(`table ip ${this.table}\ndelete table ip ${this.table}\n`);
  }

  /**
   * Lets the kernel forget UDP flows to these ports: without it, a client that goes on sending from the same port would be led to where the port
   * pointed before. Without the program conntrack, those flows end when the client is silent for 30 seconds.
   */
  async #forget(forwards: readonly Forward[]): Promise<void> {
    const ports = forwards.filter((forward) => forward.protocol === 'udp').map((forward) => forward.hostPort);
    if (ports.length === 0 || this.#host.exec.which('conntrack') === null) return;
    await Promise.all(
      ports.map((port) =>
        this.#host.exec.run(['conntrack', '-D', '-p', 'udp', '--orig-port-dst', String(port)]),
      ),
    );
  }

  #change(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ text, done: resolve, failed: reject });
    if (!this.#running) void this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      // One bad change must not fail its neighbours: a failed batch is tried again one by one.
      if (
        batch.length > 1 &&
        (await this.#run(batch.map((change) => change.text).join('')).catch(() => false))
      ) {
        for (const change of batch) change.done();
        continue;
      }
      for (const change of batch) await this.#run(change.text).then(change.done, change.failed);
    }
    this.#running = false;
  }

  async #run(text: string): Promise<true> {
    const { code, stderr } = await this.#host.exec.run(['nft', '-f', '-'], { input: text });
    if (code === 0) return true;
    throw new HullError(
      'command-failed',
      `nft refused a change of the firewall table ${this.table}: ${stderr.trim().slice(0, 1000)}`,
    );
  }
}
