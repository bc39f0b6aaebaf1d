import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Host } from '../../host/host.ts';
import { Alarms } from '../../lib/alarms.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { DiskUser } from '../api/disk-usage.ts';
import type { Gc, GcAction, GcPolicy, GcReport, GcSchedule } from '../api/gc.ts';
import type { Images } from '../api/images.ts';
import type { Instances } from '../api/instances.ts';
import type { System } from '../api/system.ts';
import type { Volumes } from '../api/volumes.ts';
import { admit } from '../instances/admission.ts';
import { type GcFacts, planCollection } from './plan.ts';

export interface GcParts {
  readonly host: Pick<Host, 'files'>;
  readonly identity: EngineIdentity;
  readonly instances: Pick<Instances, 'list' | 'remove'>;
  readonly images: Pick<Images, 'list' | 'remove' | 'usage' | 'pruneBuildCache'>;
  readonly volumes: Pick<Volumes, 'list' | 'remove' | 'snapshots'>;
  readonly diskUsage: System['diskUsage'];
  readonly log: (message: string) => void;
}

const LEAST_PERIOD = 60_000;
/** setTimeout's. */
const LONGEST_TIMER = 2 ** 31 - 1;
const FILE = 'gc.json';

const kinds = v.array(v.picklist(['container', 'image', 'volume', 'build-cache']));
const count = v.pipe(v.number(), v.minValue(0));
const scheduleSchema = v.object({
  policy: v.object({ kinds, olderThan: count, keep: count, maxBytes: v.nullable(count) }),
  every: v.pipe(v.number(), v.minValue(LEAST_PERIOD)),
});

/** The policy in a file; null when it is damaged in any way. */
export function readSchedule(text: string): GcSchedule | null {
  try {
    const result = v.safeParse(scheduleSchema, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}

/** Frees the disk of what nobody uses: on demand, and by the policy that was set. */
export class GcService implements Gc {
  readonly #parts: GcParts;
  readonly #alarms = new Alarms();

  constructor(parts: GcParts) {
    this.#parts = parts;
  }

  async collect(policy: GcPolicy, { dryRun }: { dryRun: boolean }): Promise<GcReport> {
    const planned = planCollection(await this.#facts(policy), policy);
    const actions: GcReport['actions'][number][] = [];
    for (const action of planned) {
      const note = dryRun ? '' : await this.#carryOut(action);
      actions.push({ ...action, done: !dryRun && note === '', note });
    }
    return {
      actions,
      bytes: actions.filter(({ note }) => note === '').reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  scheduled(): GcSchedule | null {
    let text: string;
    try {
      text = readFileSync(this.#path(), 'utf8');
    } catch {
      return null;
    }
    const schedule = readSchedule(text);
    // A bound that is missing would be no bound.
    if (schedule === null) this.#parts.log(`${this.#path()} is damaged: no cleanup until a policy is set`);
    return schedule;
  }

  async schedule(schedule: GcSchedule | null): Promise<void> {
    if (schedule !== null && schedule.every < LEAST_PERIOD)
      throw new HullError('invalid-argument', 'a policy can run at most once a minute');
    if (schedule === null) await this.#parts.host.files.removeTree(this.#path());
    else await this.#parts.host.files.writeDurable(this.#path(), `${JSON.stringify(schedule)}\n`);
    this.start();
  }

  /** Applies the policy that was set from now on; the first time when its period has passed. */
  start(): void {
    const schedule = this.scheduled();
    this.#alarms.cancelAll();
    if (schedule === null) return;
    this.#alarms.set(
      'collect',
      Math.min(schedule.every, LONGEST_TIMER),
      () => void this.#scheduled(schedule),
    );
  }

  stop(): void {
    this.#alarms.cancelAll();
  }

  #path(): string {
    return join(this.#parts.identity.dataDir, FILE);
  }

  async #scheduled(schedule: GcSchedule): Promise<void> {
    const { log } = this.#parts;
    try {
      const { actions, bytes } = await this.collect(schedule.policy, { dryRun: false });
      if (actions.length > 0)
        log(`cleanup removed ${actions.length} unused objects and freed ${bytes} bytes`);
    } catch (error) {
      log(`cleanup of unused objects failed: ${messageOf(error)}`);
    }
    this.start();
  }

  async #facts({ kinds }: GcPolicy): Promise<GcFacts> {
    const { instances, images, volumes, diskUsage } = this.#parts;
    const usage = await diskUsage(new Set<DiskUser>(kinds));
    const sizes = await images.usage();
    const volumeBytes = new Map(usage.volumes?.map(({ volume, bytes }) => [volume.name, Math.max(0, bytes)]));
    const kept = new Set(volumes.snapshots().map(({ volume }) => volume));
    const cached = (usage.buildCache ?? []).filter(({ shared }) => !shared);
    return {
      now: Date.now(),
      instances: instances.list().map(({ config, status }) => ({
        id: config.id,
        name: config.name,
        labels: config.labels,
        bytes: Math.max(0, usage.instances?.get(config.id)?.writable ?? 0),
        since: status.exit?.finishedAt ?? config.createdAt,
        atRest: admit('remove', status.state) === 'go',
        imageId: config.source.kind === 'image' ? config.source.imageId : null,
        volumes: config.mounts.flatMap(({ volume }) => (volume === undefined ? [] : [volume])),
      })),
      images: images.list().map((image) => {
        const { total, shared } = sizes.get(image.id) ?? { total: 0, shared: 0 };
        return {
          id: image.id,
          name: image.references[0] ?? image.id,
          labels: image.config.config?.Labels ?? {},
          bytes: total - shared,
          since: image.storedAt,
        };
      }),
      volumes: volumes.list().map(({ name, labels, createdAt, options }) => ({
        ...{ id: name, name, labels },
        bytes: volumeBytes.get(name) ?? 0,
        since: createdAt,
        removable: !kept.has(name) && Object.keys(options).length === 0,
      })),
      buildCache: {
        bytes: cached.reduce((sum, { bytes }) => sum + bytes, 0),
        newest: cached.reduce<number | null>(
          (newest, { createdAt }) => Math.max(newest ?? 0, createdAt),
          null,
        ),
      },
    };
  }

  /** Why it was not done: somebody uses it by now; else ''. Never by force. */
  async #carryOut({ kind, id }: GcAction): Promise<string> {
    const { instances, images, volumes } = this.#parts;
    try {
      switch (kind) {
        case 'container':
          await instances.remove(id);
          break;
        case 'image':
          await this.#removeImage(id);
          break;
        case 'volume':
          await volumes.remove(id);
          break;
        case 'build-cache':
          await images.pruneBuildCache({ all: false });
          break;
      }
      return '';
    } catch (error) {
      return messageOf(error);
    }
  }

  /** By each of its names, so that nobody's use is overruled. */
  async #removeImage(id: string): Promise<void> {
    const { images } = this.#parts;
    const names = images.list().find((image) => image.id === id)?.references ?? [];
    for (const name of names.length === 0 ? [id] : names) await images.remove(name);
  }
}
