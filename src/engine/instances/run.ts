import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { RootFilesystem } from '../../model/root-filesystem.ts';
import type { ImageStore } from '../../images/image-store.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import {
  type Bundle,
  type FilesBundle,
  isWatchable,
  type RunFact,
  type Runtime,
} from '../../runtime/runtime.ts';
import type { RootStorage } from '../../storage/storage.ts';
import type { Machines } from '../api.ts';
import type { EventBus } from '../events.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import { traitsOf } from '../isolations.ts';
import { networkAttributes } from '../networks/events.ts';
import { bundleOf, filesBundleOf, runDirOf } from './bundle.ts';
import { makeRunFolders } from './name-files.ts';
import { attachRequest } from './networks-of.ts';
import type { Registry } from './registry.ts';
import type { Host } from '../../host/host.ts';
import { removeRunFolder } from '../../host/run-folder.ts';
import type { Timings } from '../timings.ts';
import type { VolumeUses } from '../volumes/uses.ts';

export interface RunParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly runtimes: Readonly<Record<Isolation, Runtime>>;
  readonly roots: RootStorage;
  readonly network: Network;
  readonly images: Pick<ImageStore, 'get'>;
  readonly machines: Pick<Machines, 'get'>;
  /** What the instance's mounts of volumes need while it runs, or its files are looked at. */
  readonly uses: Pick<VolumeUses, 'acquire' | 'adopt' | 'borrow' | 'release'>;
  readonly registry: Pick<Registry, 'byId'>;
  readonly catalog: Pick<NetworkCatalog, 'find'>;
  readonly events: EventBus;
}

/** What a run is made of and how it is cleaned up again: root filesystem, network, files, runtime. Knows nothing of states. */
export class Runs {
  readonly #parts: RunParts;
  /** Instances whose end on their networks was told; until they are there again, or gone. */
  readonly #disconnected = new Set<string>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** What happens to runs that nobody asked for, of every runtime that tells. */
  onFact(listener: (id: string, fact: RunFact) => void): void {
    for (const runtime of Object.values(this.#parts.runtimes))
      if (isWatchable(runtime)) runtime.onFact(listener);
  }

  runtimeOf(config: InstanceConfig): Runtime {
    return this.#parts.runtimes[config.isolation];
  }

  /** Network and root filesystem at once; `onLease` is called before anything depends on the lease. `kept`: the lease of the run before, to go on with. */
  async prepare(
    config: InstanceConfig,
    onLease: (lease: NetworkLease) => void,
    timings: Timings,
    kept: NetworkLease | null = null,
  ): Promise<Bundle> {
    const { network, host, identity, catalog, registry } = this.#parts;
    const connected = async (): Promise<NetworkLease> => {
      const lease = await network.attach(attachRequest(config, catalog, registry));
      onLease(lease);
      this.#disconnected.delete(config.id);
      this.#tell('connect', config, lease);
      timings.mark('network');
      return lease;
    };
    const attached = (kept === null ? connected() : Promise.resolve(kept)).then((lease) => {
      makeRunFolders({ identity, mounts: host.mounts }, config, lease, network);
      timings.mark('files');
      return lease;
    });
    const prepared = this.root(config).then((root) => {
      timings.mark('root');
      return root;
    });
    const mounted = this.#parts.uses.acquire(config);
    const [lease, root, mounts] = await Promise.allSettled([attached, prepared, mounted]);
    if (lease.status === 'rejected') throw lease.reason;
    if (root.status === 'rejected') throw root.reason;
    if (mounts.status === 'rejected') throw mounts.reason;
    return bundleOf(identity, { ...config, mounts: mounts.value }, root.value, lease.value);
  }

  /** The root filesystem, mounted; the same again when it is already. */
  async root(config: InstanceConfig): Promise<RootFilesystem> {
    const { roots, images, machines } = this.#parts;
    if (config.source.kind === 'machine')
      return roots.prepareMachine(config.id, machines.get(config.source.disk));
    const { root } = traitsOf(config.isolation);
    return roots.prepare(config.id, images.get(config.source.imageId), root, {
      ephemeral: config.autoRemove,
    });
  }

  /** Of a run that a former daemon started. */
  bundle(config: InstanceConfig, root: RootFilesystem, lease: NetworkLease): Bundle {
    return bundleOf(this.#parts.identity, { ...config, mounts: this.#parts.uses.adopt(config) }, root, lease);
  }

  /** Of an instance that does not run, for its files; with its `mounts`, where a start would have them, or the root alone. To be released. */
  async filesBundle(
    config: InstanceConfig,
    { mounts }: { mounts: boolean },
  ): Promise<{ readonly bundle: FilesBundle; readonly release: () => Promise<void> }> {
    const { identity, host, uses } = this.#parts;
    const borrowed = await uses.borrow(mounts ? config : { ...config, mounts: [] });
    const runDir = runDirOf(identity, config.id);
    const release = async (): Promise<void> => {
      await borrowed.release();
      // What could not be unmounted leads to the user's own data.
      const mounted = host.mounts.list().some(({ target }) => target.startsWith(`${runDir}/`));
      if (!mounted) await host.files.removeTree(runDir);
    };
    try {
      const root = await this.root(config);
      return { bundle: filesBundleOf(identity, { ...config, mounts: borrowed.mounts }, root), release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /**
   * Takes a run apart, all parts even when one fails. Fine twice. Rejects with what could not be removed. `taken` is called when it is done,
   * before its networks' events.
   */
  async dismantle(config: InstanceConfig, lease: NetworkLease | null, taken?: () => void): Promise<void> {
    const { network, roots, host, identity } = this.#parts;
    const failures: unknown[] = [];
    const attempt = async (work: Promise<void>): Promise<void> => {
      await work.catch((error: unknown) => failures.push(error));
    };
    // The runtime first: processes hold the mounts and the namespace.
    await attempt(this.runtimeOf(config).delete(config.id));
    await Promise.all([
      ...(lease === null ? [] : [attempt(network.detach(config.id, lease))]),
      attempt(roots.release(config.id)),
      attempt(this.#parts.uses.release(config)),
      attempt(removeRunFolder(host, runDirOf(identity, config.id))),
    ]);
    taken?.();
    if (lease !== null) this.disconnected(config, lease);
    if (failures.length > 0) {
      throw new HullError(
        'internal',
        `cleanup of ${config.name} is incomplete: ${failures.map(String).join('; ')}`,
      );
    }
  }

  /** Says once, of a run that is over, that it is on its networks no more; what is left of them goes behind that. */
  disconnected(config: InstanceConfig, lease: NetworkLease): void {
    if (this.#disconnected.has(config.id)) return;
    this.#disconnected.add(config.id);
    this.#tell('disconnect', config, lease);
  }

  /** Docker's clients wait for these. */
  #tell(action: 'connect' | 'disconnect', config: InstanceConfig, lease: NetworkLease): void {
    const { catalog, events } = this.#parts;
    const named = lease.attachments.map(({ endpoint }) => endpoint.networkId);
    const alone = lease.mode === 'host' || lease.mode === 'none' ? [lease.mode] : [];
    for (const definition of [...named, ...alone].map((name) => catalog.find(name))) {
      if (definition !== null)
        events.publish('network', action, definition.id, {
          container: config.id,
          ...networkAttributes(definition),
        });
    }
  }

  /** Deletes the writable part. */
  async discard(config: InstanceConfig): Promise<void> {
    this.#disconnected.delete(config.id);
    await this.#parts.roots.remove(config.id);
  }
}
