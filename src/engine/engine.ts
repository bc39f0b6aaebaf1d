import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Builder } from '../build/index.ts';
import type { Host } from '../host/host.ts';
import { makePrivateFolder } from '../host/private-files.ts';
import type { LoadParts } from '../images/archive/load.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { Registries } from '../images/registry/registries.ts';
import type { HttpTransport } from '../images/registry/transport.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { messageOf } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { InstanceConfig } from '../model/instance.ts';
import { logsFolder, runsFolder } from '../model/instance-files.ts';
import type { Isolation } from '../model/isolation.ts';
import { familiarReference, normalizeReference } from '../model/reference.ts';
import type { Network } from '../network/network.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { InstanceFiles } from '../storage/files/files.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import type { BuildCacheRepository } from '../state/build-cache.ts';
import type { Database } from '../state/database.ts';
import { networkRepository } from '../state/network-repository.ts';
import type { Repositories } from '../state/repositories.ts';
import type { RootStorage, SetAsideStore, VolumeStore } from '../storage/storage.ts';
import type { TreeSizes } from '../storage/tree-sizes.ts';
import type { Trees } from '../storage/trees.ts';
import type { EngineApi, Machines } from './api.ts';
import { check, type CheckOptions, removeLeaks, stuckRemovals } from './check/check.ts';
import { removeRemains } from './check/damaged.ts';
import { damagedRows } from './check/damaged-rows.ts';
import { createComparison } from './compare/index.ts';
import { DiskMeter } from './disk-usage.ts';
import { EventBus } from './events.ts';
import { ExecRegistry } from './execs.ts';
import { GcService } from './gc/gc.ts';
import { HealthMonitor } from './health/monitor.ts';
import { FileService } from './files/files.ts';
import { ArchiveService } from './images/archives.ts';
import { examineImages } from './images/examine.ts';
import { ImageService, type Bootstrapper } from './images/images.ts';
import { TransferService } from './images/transfers.ts';
import type { HostSize } from './instances/checks.ts';
import { ChangeService } from './instances/changes.ts';
import { InstanceService } from './instances/instances.ts';
import { Lifecycle } from './instances/lifecycle.ts';
import { LogKeeper } from './instances/log-keeper.ts';
import { Registry } from './instances/registry.ts';
import { Runs } from './instances/run.ts';
import { Waiters } from './instances/waiters.ts';
import { NetworkCatalog } from './networks/catalog.ts';
import { NetworkService } from './networks/networks.ts';
import { recover, type RecoveryParts } from './recovery/recover.ts';
import { MachineService } from './machines.ts';
import { SystemService } from './system.ts';
import { AnnouncedVolumes } from './volumes/announced.ts';
import { MountVolumes } from './volumes/for-mounts.ts';
import { VolumeUses } from './volumes/uses.ts';
import { VolumeService } from './volumes/volumes.ts';

/** The parts that the engine joins; made by the daemon's composition. */
export interface EngineParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  /** Lasts as long as the data folder. */
  readonly engineId: string;
  readonly database: Database;
  /** The program that `compare` measures with. */
  readonly measureProgram: string;
  readonly build: { readonly version: string; readonly commit: string; readonly builtWith: string };
  readonly runtimes: Readonly<Record<Isolation, Runtime>>;
  readonly network: Network;
  readonly images: ImageStore;
  readonly roots: RootStorage;
  readonly volumes: VolumeStore;
  readonly sizes: TreeSizes;
  readonly machines: Machines;
  readonly layers: LayerStore;
  readonly trees: Trees;
  readonly files: InstanceFiles;
  /** An archive as a client sent it, with compressions that storage does not know undone. */
  readonly plainArchive: (archive: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly registries: Registries;
  readonly loading: LoadParts;
  readonly transport: HttpTransport;
  readonly builder: Builder;
  readonly buildCache: BuildCacheRepository;
  readonly bootstrapper: Bootstrapper;
  readonly startStorage: () => Promise<void>;
  /** Before the database is closed. */
  readonly stopStorage: () => Promise<void>;
  readonly setAside: SetAsideStore;
  readonly records: Pick<Repositories, 'images' | 'volumes' | 'machines'>;
  /** Makes the record of a machine anew from its disk. */
  readonly restoreMachine: (name: string) => void;
  /** Ends what storage does behind the answers; the next daemon goes on with it. */
  readonly endStorage: () => Promise<void>;
  readonly validateImage: (image: Image, options: { deep: boolean }) => Promise<readonly string[]>;
  /** Makes again what an image has lost; says what was done. */
  readonly repairImage: (image: Image) => Promise<readonly string[]>;
  readonly cgroupLayout: () => 'v1' | 'v2' | 'hybrid';
  /** Gives back what was changed on the host for all instances; when the last engine's part is over. */
  readonly restoreHost: () => Promise<void>;
  readonly log: (message: string) => void;
  readonly debug: (message: string) => void;
  /** After a shutdown that was asked for over the API. */
  readonly onShutdown: () => void;
}

/** One engine. */
export class Engine {
  readonly api: EngineApi;
  readonly #parts: EngineParts;
  readonly #own: Pick<RecoveryParts, 'registry' | 'lifecycle' | 'runs' | 'logs' | 'catalog'> & {
    readonly uses: VolumeUses;
  };
  readonly #images: ImageService;
  readonly #gc: GcService;
  #givesHostBack = false;
  readonly #bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

  constructor(parts: EngineParts) {
    const registry = new Registry(parts.database);
    const waiters = new Waiters();
    const events = new EventBus();
    const logs = new LogKeeper(parts.identity, waiters);
    const volumes = new AnnouncedVolumes(parts.volumes, events);
    const uses = new VolumeUses({ ...parts, volumes, events });
    const catalog = new NetworkCatalog(networkRepository(parts.database), parts.network, parts.identity);
    const runs = new Runs({ ...parts, uses, registry, catalog, events });
    const health = new HealthMonitor({
      ...{ registry, events },
      runtimeOf: (config) => runs.runtimeOf(config),
      shellOf: (config) => shellOf(parts.images, config),
    });
    const shared = {
      ...parts,
      health,
      registry,
      waiters,
      events,
      logs,
      runs,
      volumes,
      uses,
      size: hostSize(),
      bootId: this.#bootId,
    };
    const lifecycle = new Lifecycle(shared);
    const names = { normalize: normalizeReference, familiar: familiarReference };
    this.#parts = parts;
    this.#images = new ImageService({ ...shared, ...names, store: parts.images });
    this.#own = { registry, lifecycle, runs, logs, uses, catalog };
    const remains = (id: string): Promise<void> => removeRemains({ ...parts, registry }, id);
    const instances = new InstanceService({ ...shared, catalog, lifecycle, removeRemains: remains });
    const volumeService = new VolumeService({ ...shared, instances: registry });
    const disk = new DiskMeter({ ...shared, instances, volumes: volumeService });
    const api = {
      identity: parts.identity,
      instances,
      changes: new ChangeService({ ...shared, lifecycle, mountVolumes: new MountVolumes(shared) }),
      execs: new ExecRegistry(registry, (config) => runs.runtimeOf(config), events),
      files: new FileService({ ...shared, filesAtRest: lifecycle.filesAtRest, making: this.#images }),
      images: this.#images,
      transfers: new TransferService({ ...shared, store: parts.images, making: this.#images }),
      archives: new ArchiveService({ ...shared, making: this.#images }),
      volumes: volumeService,
      networks: new NetworkService({ ...shared, lifecycle, catalog }),
      machines: new MachineService(parts.machines, registry),
      events,
      system: new SystemService({
        ...shared,
        disk,
        check: (options) => this.#check(options),
        shutdown: (options) => this.#shutdown(options),
      }),
    };
    const imageDisk = (image: Image): ReturnType<RootStorage['imageDisk']> => parts.roots.imageDisk(image);
    this.#gc = new GcService({ ...shared, ...api, diskUsage: (kinds) => disk.measure(kinds) });
    this.api = { ...api, gc: this.#gc, comparison: createComparison({ ...parts, ...api, imageDisk }) };
  }

  /** Takes over what an earlier daemon left, then is ready for requests. */
  async start(): Promise<void> {
    const { host, identity, log, network, roots, runtimes, builder } = this.#parts;
    makePrivateFolder(runsFolder(identity));
    makePrivateFolder(logsFolder(identity));
    await this.#parts.startStorage();
    const { startable, restartable } = await recover({ ...this.#own, network, bootId: this.#bootId, log });
    const { filesAtRest } = this.#own.lifecycle;
    const removed = await removeLeaks({
      ...{ ...this.#own, filesAtRest },
      ...{ host, identity, network, roots, runtimes, builder },
    });
    for (const finding of removed)
      log(`left by an earlier daemon: ${finding.kind} ${finding.what}: ${finding.note}`);
    // Requests are answered meanwhile: a slow start holds nobody up.
    void this.#own.lifecycle.startByPolicy(startable);
    void this.#own.lifecycle.restartAll(restartable);
    this.#gc.start();
  }

  /** Ends what only the daemon does: nobody may call afterwards. Instances go on, unless a shutdown has stopped them: then the host is given back. Resolves to whether all of it was. */
  async stop(): Promise<boolean> {
    const { log, network, restoreHost, database, endStorage } = this.#parts;
    this.#own.lifecycle.close();
    this.#gc.stop();
    await this.#own.lifecycle.filesAtRest.closeAll();
    await this.#images.settled();
    await this.#own.lifecycle.settled();
    this.#own.logs.stop();
    await endStorage();
    let gaveBack = this.#givesHostBack;
    const failed = (what: string) => (error: unknown) => {
      gaveBack = false;
      log(`${what}: ${messageOf(error)}`);
    };
    if (this.#givesHostBack) {
      await network.teardown().catch(failed('taking the network down'));
      await restoreHost().catch(failed('giving the host back'));
    }
    await network.stop();
    await this.#parts.stopStorage();
    database.close();
    return gaveBack;
  }

  #check(options: CheckOptions): ReturnType<typeof check> {
    const { host, identity, network, roots, runtimes, builder } = this.#parts;
    const { images, validateImage, repairImage } = this.#parts;
    const examine = (): ReturnType<typeof examineImages> =>
      examineImages(images.list(), {
        validate: (image) => validateImage(image, options),
        repair: options.repair ? repairImage : null,
      });
    const { registry, lifecycle, uses, catalog } = this.#own;
    const stuck = {
      list: () => stuckRemovals(registry, lifecycle),
      retry: (id: string) => lifecycle.recoverInterrupted(id),
    };
    return check(
      {
        ...{ host, identity, registry, network, roots, runtimes, builder, uses, stuck },
        filesAtRest: lifecycle.filesAtRest,
        ...{ volumes: this.#parts.volumes, examineImages: examine },
        ...{ setAside: this.#parts.setAside, sources: this.#parts, catalog },
        damagedRows: () => damagedRows({ ...this.#parts, store: images, catalog }),
      },
      options,
    );
  }

  /** The daemon ends the engine after the answer. */
  async #shutdown(options: { instances: 'keep' | 'stop' }): Promise<void> {
    const { lifecycle } = this.#own;
    if (options.instances === 'stop') {
      await lifecycle.stopAll();
      this.#givesHostBack = true;
    }
    this.#parts.onShutdown();
  }
}

/** The shell that an instance's image says to use for commands in one string. */
function shellOf(images: ImageStore, { source }: InstanceConfig): readonly string[] | undefined {
  const image = source.kind === 'image' ? images.find(source.imageId) : null;
  const shell = image?.config.config?.Shell;
  return shell === undefined || shell.length === 0 ? undefined : shell;
}

function hostSize(): HostSize {
  return { cpus: cpus().length, memory: totalmem() };
}
