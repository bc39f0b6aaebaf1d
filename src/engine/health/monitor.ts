import { randomBytes } from 'node:crypto';
import { Alarms } from '../../lib/alarms.ts';
import type { HealthProbe } from '../../model/health.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { isAlive } from '../../model/instance-status.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { EventBus } from '../events.ts';
import { execText, instanceAttributes } from '../instances/attributes.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { type HealthPlan, healthPlan, judge, nextProbeIn } from './health-plan.ts';
import { probe } from './probe.ts';

export interface MonitorParts {
  readonly registry: Registry;
  readonly events: EventBus;
  readonly runtimeOf: (config: InstanceConfig) => Runtime;
  /** Of the instance's image, for `CMD-SHELL`. */
  readonly shellOf: (config: InstanceConfig) => readonly string[] | undefined;
}

/** Probes the instances that run and have a healthcheck. One that has none costs nothing. */
export class HealthMonitor {
  readonly #parts: MonitorParts;
  readonly #alarms = new Alarms();
  /** By instance, what tells one watch from the next: a probe that ends after its watch is of no interest. */
  readonly #watches = new Map<string, symbol>();
  #onUnhealthy: (record: InstanceRecord) => void = () => undefined;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
  }

  /** Called when an instance has become unhealthy. */
  onUnhealthy(work: (record: InstanceRecord) => void): void {
    this.#onUnhealthy = work;
  }

  /** From the start of a run, when it goes on after a pause, and of one that was taken over. */
  watch(record: InstanceRecord): void {
    const plan = healthPlan(record.config.healthcheck, this.#parts.shellOf(record.config));
    if (plan === null || !isAlive(record.status)) return;
    const { startedAt, health } = record.status;
    const watch = Symbol(record.config.name);
    this.#watches.set(record.config.id, watch);
    const last = health?.log.at(-1)?.end ?? 0;
    this.#next(record.config.id, watch, plan, Math.max(last, startedAt));
  }

  /** The run is over, or rests. */
  forget(id: string): void {
    this.#watches.delete(id);
    this.#alarms.cancel(id);
  }

  stop(): void {
    this.#watches.clear();
    this.#alarms.cancelAll();
  }

  #next(id: string, watch: symbol, plan: HealthPlan, lastEnd: number): void {
    const status = this.#parts.registry.byId(id)?.status;
    if (status === undefined || !isAlive(status) || status.health === null) return;
    const { health, startedAt } = status;
    const delay = nextProbeIn(plan, { health, startedAt, lastEnd, now: Date.now() });
    this.#alarms.set(id, delay, () => void this.#probe(id, watch, plan));
  }

  async #probe(id: string, watch: symbol, plan: HealthPlan): Promise<void> {
    const { registry, runtimeOf } = this.#parts;
    const record = registry.byId(id);
    if (record === null || this.#watches.get(id) !== watch) return;
    const execID = randomBytes(32).toString('hex');
    const command = execText(plan.command);
    this.#event(id, `exec_create: ${command}`, { execID });
    const result = await probe(runtimeOf(record.config), record.config, plan, {
      started: () => this.#event(id, `exec_start: ${command}`, { execID }),
      died: (code) => this.#event(id, 'exec_die', { execID, exitCode: String(code) }),
    });
    if (this.#watches.get(id) !== watch) return;
    this.#judge(id, plan, result);
    if (this.#watches.get(id) === watch) this.#next(id, watch, plan, result.end);
  }

  #judge(id: string, plan: HealthPlan, result: HealthProbe): void {
    const { registry } = this.#parts;
    const status = registry.byId(id)?.status;
    if (status === undefined || !isAlive(status) || status.health === null) return;
    const before = status.health;
    const health = judge(before, result, plan, status.startedAt);
    const changed = health.status !== before.status;
    // The log alone is not worth a write to the disk each time.
    const after =
      changed || health.failingStreak !== before.failingStreak
        ? registry.apply(id, { type: 'probed', health })
        : registry.remember(id, { type: 'probed', health });
    if (!changed) return;
    this.#event(id, `health_status: ${health.status}`);
    if (health.status === 'unhealthy') this.#onUnhealthy(after);
  }

  #event(id: string, action: string, more: Readonly<Record<string, string>> = {}): void {
    const record = this.#parts.registry.byId(id);
    if (record === null) return;
    this.#parts.events.publish('container', action, id, { ...instanceAttributes(record), ...more });
  }
}
