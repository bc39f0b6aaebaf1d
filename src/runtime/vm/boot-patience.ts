import { statSync } from 'node:fs';
import { HullError } from '../../model/errors.ts';
import { runFiles, type VmRecord } from './vm-record.ts';
import { processCpu } from './vm-stats.ts';

/** What is seen of a VM that boots, milliseconds. */
export interface BootSample {
  readonly at: number;
  /** CPU time that QEMU has used. */
  readonly cpu: number;
  /** When its console said something last; 0: never. */
  readonly said: number;
}

/** A boot so far: the sample at which its console spoke last, and the one at which QEMU was last seen to use CPU time. */
export interface BootWatch {
  readonly spoke: BootSample;
  readonly ran: BootSample;
}

/** CPU time without a word: a boot takes 2 s of it, under emulation. */
const SILENT_CPU = 60_000;
/** Time in which QEMU uses next to no CPU: whatever it waits for does not come. A host that is only busy lets it run a little. */
const IDLE = 60_000;
const LEAST_CPU = 50;

/** Pure. */
export function afterSample(watch: BootWatch, sample: BootSample): BootWatch {
  const spoke = sample.said === watch.spoke.said ? watch.spoke : sample;
  const ran = spoke === sample || sample.cpu - watch.ran.cpu >= LEAST_CPU ? sample : watch.ran;
  return { spoke, ran };
}

/** Why a boot is given up; null: it goes on. Pure: what counts is what the VM does, not how long a busy host takes over it. */
export function verdictOf({ spoke, ran }: BootWatch, sample: BootSample): string | null {
  if (sample.cpu - spoke.cpu > SILENT_CPU)
    return `the guest has said nothing for ${SILENT_CPU / 1000} seconds of CPU time`;
  return sample.at - ran.at > IDLE ? `the guest has done nothing for ${IDLE / 1000} seconds` : null;
}

const LOOK_EVERY = 500;

/** How long a boot is waited for: as long as it gets on. */
export class BootPatience {
  readonly #look: () => BootSample;
  #watch: BootWatch;
  #looked = 0;
  #verdict: string | null = null;

  constructor(runDir: string, { qemu }: Pick<VmRecord, 'qemu'>) {
    const console = runFiles.console(runDir);
    this.#look = () => ({
      at: Date.now(),
      cpu: processCpu(qemu.pid).cpuNanoseconds / 1e6,
      said: statSync(console, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    });
    const first = this.#look();
    this.#watch = { spoke: first, ran: first };
  }

  /** Why it is given up; null: it is not. Cheap, however often it is asked. */
  get verdict(): string | null {
    const now = Date.now();
    if (this.#verdict !== null || now - this.#looked < LOOK_EVERY) return this.#verdict;
    this.#looked = now;
    const sample = this.#look();
    this.#watch = afterSample(this.#watch, sample);
    this.#verdict = verdictOf(this.#watch, sample);
    return this.#verdict;
  }

  /** Waits for work of the guest's that is part of its boot. Rejects `guest-unreachable` when it is given up. */
  async during<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setInterval(() => {
      if (this.verdict !== null) reject(new HullError('guest-unreachable', this.verdict));
    }, LOOK_EVERY);
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearInterval(timer);
    }
  }
}
