import { cgroupFacts } from '../../host/cgroup-parse.ts';
import type { Host } from '../../host/host.ts';
import { type HostLimits, readHostLimits } from '../../host/host-limits.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { HullError, isHullError, messageOf } from '../../model/errors.ts';
import type { Instance, InstanceConfig } from '../../model/instance.ts';
import type { Network } from '../../network/network.ts';
import { isUpdatable } from '../../runtime/runtime.ts';
import type { RootStorage } from '../../storage/storage.ts';
import type { Changes, InstanceChange, LimitChange, PrunedInstances } from '../api.ts';
import type { EventBus } from '../events.ts';
import type { MountVolumes } from '../volumes/for-mounts.ts';
import type { VolumeUses } from '../volumes/uses.ts';
import { admit, admitOrThrow } from './admission.ts';
import { traitsOf } from '../isolations.ts';
import { checkIsolationMemory, checkName } from './checks.ts';
import { type Touched, touched, withChange, withLimits } from './change-plan.ts';
import type { Lifecycle } from './lifecycle.ts';
import { MountResolver } from './mounts.ts';
import { dnsNames } from './networks-of.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import type { Runs } from './run.ts';
import { settleResources } from './settle-resources.ts';

export interface ChangesParts {
  readonly host: Host;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly runs: Runs;
  readonly network: Network;
  readonly roots: RootStorage;
  readonly images: Pick<ImageStore, 'find'>;
  readonly events: EventBus;
  readonly mountVolumes: MountVolumes;
  readonly uses: Pick<VolumeUses, 'hold'>;
  readonly log: (message: string) => void;
}

/** Changes of instances that exist: names, limits, ports, mounts, variables. */
export class ChangeService implements Changes {
  readonly #parts: ChangesParts;
  readonly #mounts: MountResolver;
  #limits: HostLimits | null = null;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
    this.#mounts = new MountResolver(parts.mountVolumes);
  }

  async rename(nameOrId: string, wanted: string): Promise<void> {
    const name = wanted.startsWith('/') ? wanted.slice(1) : wanted;
    if (name === '') throw new HullError('invalid-argument', 'Neither old nor new names may be empty');
    await this.#exclusively(nameOrId, async (record) => {
      const { registry, lifecycle, network } = this.#parts;
      admitOrThrow('rename', record);
      const { id, name: before } = record.config;
      if (name === before)
        throw new HullError(
          'invalid-argument',
          'Renaming a container with the same name as its current name',
        );
      this.#checkNewName(name);
      const config = { ...record.config, name };
      const lease = record.lease === null ? null : network.rename(id, dnsNames(config));
      if (lease !== null) registry.apply(id, { type: 'attached', lease });
      lifecycle.event(registry.reconfigure(id, { name }), 'rename', { oldName: `/${before}` });
    });
  }

  async update(nameOrId: string, change: LimitChange): Promise<readonly string[]> {
    const { value: resources, warnings } = this.#settle(change);
    await this.#exclusively(nameOrId, async (record) => {
      admitOrThrow('update', record);
      try {
        const config = withLimits(record.config, { ...change, resources });
        checkIsolationMemory(traitsOf(config.isolation), config.resources.memory);
        if (touched(record.config, config).resources) await this.#limitRun(record, config);
        this.#changed(record, config);
      } catch (error) {
        throw cannotUpdate(record, error);
      }
    });
    return warnings;
  }

  async change(
    nameOrId: string,
    change: InstanceChange,
  ): Promise<{ warnings: readonly string[]; restarted: boolean }> {
    const { value: resources, warnings } = this.#settle(change);
    const restarted = await this.#exclusively(nameOrId, async (record) => {
      admitOrThrow('update', record);
      // Checked without mounts first, so that a change that is refused makes no volume.
      withChange(record.config, { ...change, resources }, []);
      const { source } = record.config;
      const image = source.kind === 'image' ? this.#parts.images.find(source.imageId) : null;
      using hold = this.#parts.uses.hold();
      const mounts = await this.#mounts.resolve(change.mounts, image, hold);
      const asked = new Set(change.mounts.map(({ target }) => target));
      const config = withChange(
        record.config,
        { ...change, resources },
        mounts.filter(({ target }) => asked.has(target)),
      );
      checkIsolationMemory(traitsOf(config.isolation), config.resources.memory);
      const runs = ['running', 'paused'].includes(record.status.state);
      const again = runs && (await this.#applyToRun(record, config));
      if (!again) this.#changed(record, config);
      return again;
    });
    return { warnings, restarted };
  }

  async prune(passes: (instance: Instance) => boolean): Promise<PrunedInstances> {
    const { registry, lifecycle, roots, events, log } = this.#parts;
    const atRest = registry.list().filter((record) => admit('remove', record.status.state) === 'go');
    const ids: string[] = [];
    let bytes = 0;
    for (const { config } of atRest.filter(passes)) {
      const { writable } = await roots.usage(config.id).catch(() => ({ writable: 0 }));
      try {
        await lifecycle.remove(config.id);
        ids.push(config.id);
        bytes += writable;
      } catch (error) {
        // Started meanwhile, as somebody wants it.
        log(`prune of ${config.name} failed: ${messageOf(error)}`);
      }
    }
    events.publish('container', 'prune', '', { reclaimed: String(bytes) });
    return { ids, bytes };
  }

  /** Changes what runs; true when that took a new run. Nothing is changed when it throws. */
  async #applyToRun(record: InstanceRecord, config: InstanceConfig): Promise<boolean> {
    const touches = touched(record.config, config);
    const limited = touches.resources && !touches.run && (await this.#limitedLive(record, config));
    const again = touches.run || (touches.resources && !limited);
    try {
      await this.#publish(record, config, touches);
      if (again) await this.#parts.lifecycle.replace(record.config.id, config);
      return again;
    } catch (error) {
      if (limited) await this.#limitRun(record, record.config).catch(() => undefined);
      await this.#publish(record, record.config, touches).catch((why: unknown) =>
        this.#parts.log(
          `rollback: publishing the old ports of ${record.config.name} failed: ${messageOf(why)}`,
        ),
      );
      throw error;
    }
  }

  /** The ports of a run lead to it without a new run. */
  async #publish(
    { config, lease }: InstanceRecord,
    { ports }: InstanceConfig,
    touches: Touched,
  ): Promise<void> {
    if (!touches.ports || lease === null) return;
    const { network, registry } = this.#parts;
    const after = await network.republish(config.id, ports);
    registry.apply(config.id, { type: 'attached', lease: after });
  }

  async #limitedLive(record: InstanceRecord, config: InstanceConfig): Promise<boolean> {
    try {
      await this.#limitRun(record, config);
      return true;
    } catch (error) {
      if (isHullError(error, 'not-supported')) return false;
      throw error;
    }
  }

  async #limitRun(record: InstanceRecord, config: InstanceConfig): Promise<void> {
    if (!['running', 'paused'].includes(record.status.state)) return;
    const runtime = this.#parts.runs.runtimeOf(config);
    if (!isUpdatable(runtime))
      throw new HullError(
        'not-supported',
        `limits of ${config.name} cannot change while it runs; stop it, then update it`,
      );
    await runtime.update(config.id, config.resources);
  }

  #changed(record: InstanceRecord, config: InstanceConfig): void {
    this.#parts.lifecycle.event(this.#parts.registry.reconfigure(record.config.id, config), 'update');
  }

  #settle({ resources }: LimitChange): ReturnType<typeof settleResources> {
    const { host } = this.#parts;
    this.#limits ??= readHostLimits(cgroupFacts(host.mounts.list()));
    return settleResources(resources, this.#limits, { update: true });
  }

  #checkNewName(name: string): void {
    try {
      checkName(name);
    } catch {
      // Docker looks at the name with its slash.
      throw new HullError(
        'invalid-argument',
        `Error when allocating new name: Invalid container name (/${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    }
    const holder = this.#parts.registry.idOfName(name);
    if (holder === null) return;
    throw new HullError(
      'name-in-use',
      `Error when allocating new name: Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }

  #exclusively<T>(nameOrId: string, work: (record: InstanceRecord) => Promise<T>): Promise<T> {
    return this.#parts.lifecycle.exclusively(this.#parts.registry.get(nameOrId).config.id, work);
  }
}

/** In Docker's words. */
function cannotUpdate({ config }: InstanceRecord, error: unknown): HullError {
  const code = isHullError(error) ? error.code : 'internal';
  return new HullError(code, `Cannot update container ${config.id}: ${messageOf(error)}`, { cause: error });
}
