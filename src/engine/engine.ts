import { cpus, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import { makePrivateFolder } from '../host/private-files.ts';
import { messageOf } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import { logsFolder, runsFolder } from '../model/instance-files.ts';
import { networkRepository } from '../state/network-repository.ts';
import type { RootStorage } from '../storage/storage.ts';
import type { EngineApi } from './api.ts';
import { check, type CheckOptions, removeLeaks, stuckRemovals } from './check/check.ts';
import { damagedRows } from './check/damaged-rows.ts';
import { createComparison } from './compare/index.ts';
import { DiskMeter } from './disk-usage.ts';
import { EventBus } from './events.ts';
import { GcService } from './gc/gc.ts';
import { FileService } from './files/files.ts';
import { examineImages } from './images/examine.ts';
import type { ImageService } from './images/images.ts';
import { Registry } from './instances/registry.ts';
import { NetworkCatalog } from './networks/catalog.ts';
import { NetworkService } from './networks/networks.ts';
import { recover, type RecoveryParts } from './recovery/recover.ts';
import { MachineService } from './machines.ts';
import { SystemService } from './system.ts';
import { imagesRoom } from './images/room.ts';
import { instancesRoom } from './instances/room.ts';
import type { EngineParts } from './parts.ts';
import { volumeService, volumesRoom } from './volumes/room.ts';
import type { VolumeUses } from './volumes/uses.ts';

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
    const bootId = this.#bootId;
    const registry = new Registry(parts.database);
    const events = new EventBus();
    const catalog = new NetworkCatalog(networkRepository(parts.database), parts.network, parts.identity);
    const size = { cpus: cpus().length, memory: totalmem() };
    const base = { size, registry, events, catalog, bootId, ...volumesRoom(parts, events) };
    const own = instancesRoom(parts, base);
    const images = imagesRoom(parts, base);
    const { runs, logs, lifecycle, ...useCases } = own;
    const shared = { ...parts, ...base, ...{ runs, logs, lifecycle } };
    this.#parts = parts;
    this.#images = images.images;
    this.#own = { registry, lifecycle, runs, logs, uses: base.uses, catalog };
    const volumes = volumeService(parts, base);
    const disk = new DiskMeter({ ...shared, instances: own.instances, volumes });
    const api = {
      ...{ identity: parts.identity, ...useCases, ...images, volumes, events },
      files: new FileService({ ...shared, filesAtRest: lifecycle.filesAtRest, making: this.#images }),
      networks: new NetworkService(shared),
      machines: new MachineService(parts.machines, registry),
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
