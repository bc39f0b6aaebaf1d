import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import {
  type BridgeRules,
  elementsText,
  type Forward,
  familyOf,
  parseForwards,
  type TableFamily,
  tableText,
} from './nft.ts';

interface Change {
  /** Written when it is its turn. */
  readonly text: () => string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const FORGET_AT_ONCE = 8;
const FAMILIES: readonly TableFamily[] = ['ip', 'ip6'];

/** The engine's nft tables: one for IPv4, one for IPv6 once a network has it. Changes that come while `nft` runs go together in the next run. */
export class Firewall {
  readonly #host: Host;
  readonly table: string;
  #waiting: Change[] = [];
  #running = false;

  constructor(host: Host, table: string) {
    this.#host = host;
    this.table = table;
  }

  /** Makes the tables, or replaces them in one transaction each: established connections go on, the user's chain stays. */
  async install(
    bridges: () => Readonly<Record<TableFamily, readonly BridgeRules[]>>,
    forwards: () => readonly Forward[],
  ): Promise<void> {
    for (const family of FAMILIES) {
      if (family === 'ip6' && bridges().ip6.length === 0 && !(await this.exists('ip6'))) continue;
      const text = () => {
        const own = forwards().filter((forward) => familyOf(forward) === family);
        return tableText(family, this.table, bridges()[family], own);
      };
      // What an earlier version made may have other chains by the same names: then it goes as a whole.
      await this.change(text).catch(() =>
        this.change(() => `table ${family} ${this.table}\ndelete table ${family} ${this.table}\n${text()}`),
      );
    }
  }

  async publish(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length > 0) await this.change(() => elementsText('add', this.table, forwards));
    await this.#forget(forwards);
  }

  /** Fine for ports that are not published. */
  async withdraw(forwards: readonly Forward[]): Promise<void> {
    if (forwards.length === 0) return;
    // `add` first: deleting an element that is not there would fail the whole transaction.
    await this.change(
      () => elementsText('add', this.table, forwards) + elementsText('delete', this.table, forwards),
    ).catch(async (error: unknown) => {
      if (await this.exists()) throw error;
    });
    await this.#forget(forwards);
  }

  async exists(family: TableFamily = 'ip'): Promise<boolean> {
    return (await this.#host.exec.run(['nft', 'list', 'chain', family, this.table, 'publish'])).code === 0;
  }

  /** What is published now; empty without a table. */
  async published(): Promise<Forward[]> {
    const lists = await Promise.all(
      FAMILIES.map((family) => this.#host.exec.run(['nft', '-j', 'list', 'table', family, this.table])),
    );
    return lists.flatMap(({ code, stdout }) => (code === 0 ? parseForwards(stdout) : []));
  }

  /** Removes the tables, also the one of the bridges' guard; fine when absent. */
  async remove(): Promise<void> {
    const remove = (family: TableFamily | 'bridge') =>
      this.change(() => `table ${family} ${this.table}\ndelete table ${family} ${this.table}\n`);
    for (const family of FAMILIES) await remove(family);
    // A kernel without such tables has none to remove.
    await remove('bridge').catch(() => undefined);
  }

  /** A change of one of the engine's tables, in the next run of nft together with others. `text` is asked for when it is its turn. */
  change(text: () => string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ text, done: resolve, failed: reject });
    if (!this.#running) void this.#drain();
    return promise;
  }

  /**
   * Lets the kernel forget UDP flows to these ports: without it, a client that goes on sending from the same port would be led to where the port
   * pointed before. Without the program conntrack, those flows end when the client is silent for 30 seconds.
   */
  async #forget(forwards: readonly Forward[]): Promise<void> {
    const ports = forwards.filter((forward) => forward.protocol === 'udp').map((forward) => forward.hostPort);
    if (ports.length === 0 || this.#host.exec.which('conntrack') === null) return;
    const known = ports.length > FORGET_AT_ONCE ? await this.#flowsTo(new Set(ports)) : ports;
    // A few at a time: starting a process for each of a thousand at once would hold up everybody.
    for (let at = 0; at < known.length; at += FORGET_AT_ONCE) {
      const some = known.slice(at, at + FORGET_AT_ONCE);
      await Promise.all(
        some.map((port) =>
          this.#host.exec.run(['conntrack', '-D', '-p', 'udp', '--orig-port-dst', String(port)]),
        ),
      );
    }
  }

  /** Those of the ports that the kernel knows UDP flows to. */
  async #flowsTo(ports: ReadonlySet<number>): Promise<number[]> {
    const { stdout } = await this.#host.exec.run(['conntrack', '-L', '-p', 'udp']);
    const found = [...stdout.matchAll(/ dport=(\d+)/g)].map(([, port]) => Number(port));
    return [...new Set(found)].filter((port) => ports.has(port));
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      // One bad change must not fail its neighbours: a failed batch is retried one by one.
      if (
        batch.length > 1 &&
        (await this.#run(batch.map((change) => change.text()).join('')).catch(() => false))
      ) {
        for (const change of batch) change.done();
        continue;
      }
      for (const change of batch) await this.#run(change.text()).then(change.done, change.failed);
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
