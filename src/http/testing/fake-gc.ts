import type { Gc, GcReport, GcSchedule } from '../../engine/api.ts';

/** There is never anything to collect. */
export class FakeGc implements Gc {
  #schedule: GcSchedule | null = null;

  collect(): Promise<GcReport> {
    return Promise.resolve({ actions: [], bytes: 0 });
  }

  scheduled(): GcSchedule | null {
    return this.#schedule;
  }

  async schedule(schedule: GcSchedule | null): Promise<void> {
    this.#schedule = schedule;
  }
}
