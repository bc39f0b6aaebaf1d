import type { InstanceConfig } from '../../model/instance.ts';
import { traitsOf } from '../isolations.ts';
import type { Timings } from '../timings.ts';
import type { InstanceRecord } from './record.ts';

/** Milliseconds that a run which was made ahead waits for its start. */
const PATIENCE = 2000;

/**
 * Is the run of a fresh instance worth making before its start is asked for? Whoever creates what is removed at its end runs it at once: the client's
 * way from the answer of create to the request of start is time that making the run can use. Only what nobody notices should the start not come: no
 * port is taken, no address that somebody chose, no volume. Pure.
 */
export function isWorthHeadStart(config: InstanceConfig): boolean {
  const ownAddress = config.networks.some(
    ({ ipv4, ipv6, macAddress }) => ipv4 !== undefined || ipv6 !== undefined || macAddress !== undefined,
  );
  return (
    config.autoRemove &&
    traitsOf(config.isolation).cheapToMake &&
    config.networkMode !== 'container' &&
    config.ports.length === 0 &&
    !ownAddress &&
    config.mounts.every(({ type }) => type !== 'volume')
  );
}

export interface HeadStartParts {
  /** Runs `work` while nobody else changes the instance. */
  readonly exclusively: (id: string, work: () => Promise<void>) => Promise<void>;
  readonly find: (id: string) => InstanceRecord | null;
  /** Everything of a run but its start. Cleans up after itself when it fails. */
  readonly make: (record: InstanceRecord) => Promise<Timings>;
  readonly unmake: (record: InstanceRecord) => Promise<void>;
}

interface Made {
  readonly timings: Timings;
  /** Ends the wait for its start. */
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Runs that exist before their start is asked for: their record still says `created`, and holds their lease. */
export class HeadStarts {
  readonly #parts: HeadStartParts;
  readonly #made = new Map<string, Made>();

  constructor(parts: HeadStartParts) {
    this.#parts = parts;
  }

  /** Begins, behind the answer to the request that created the instance. A failure is told by the start that tries again. */
  begin(id: string): void {
    setImmediate(() => void this.#parts.exclusively(id, () => this.#make(id)).catch(() => undefined));
  }

  /** For whoever starts the instance, and holds it: how its run was made, which is theirs from now on; null when there is none. */
  take(id: string): Timings | null {
    const made = this.#made.get(id);
    if (made === undefined) return null;
    clearTimeout(made.timer);
    this.#made.delete(id);
    return made.timings;
  }

  /** For whoever changes the instance, and holds it: its run would be the run of what it was before. */
  async drop(id: string): Promise<void> {
    if (this.take(id) === null) return;
    const record = this.#parts.find(id);
    if (record !== null) await this.#parts.unmake(record);
  }

  /** Drops all. */
  async dropAll(): Promise<void> {
    await Promise.all([...this.#made.keys()].map((id) => this.#parts.exclusively(id, () => this.drop(id))));
  }

  async #make(id: string): Promise<void> {
    const record = this.#parts.find(id);
    if (record?.status.state !== 'created' || record.lease !== null) return;
    const timings = await this.#parts.make(record);
    const timer = setTimeout(() => {
      void this.#parts.exclusively(id, () => this.drop(id)).catch(() => undefined);
    }, PATIENCE);
    timer.unref();
    this.#made.set(id, { timings, timer });
  }
}
