import { mkdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Builder } from '../build/index.ts';
import type { Host } from '../host/host.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { messageOf } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { Isolation } from '../model/isolation.ts';
import { familiarReference, normalizeReference } from '../model/reference.ts';
import type { Network } from '../network/network.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Database } from '../state/database.ts';
import type { RootStorage, VolumeStore } from '../storage/storage.ts';
import type { EngineApi, Machines } from './api.ts';
import { check, removeLeaks } from './check/check.ts';
import { EventBus } from './events.ts';
import { ExecRegistry } from './execs.ts';
import { examineImages } from './images/examine.ts';
import { ImageService, type Bootstrapper } from './images/images.ts';
import type { HostSize } from './instances/checks.ts';
import { InstanceService } from './instances/instances.ts';
import { Lifecycle } from './instances/lifecycle.ts';
import { LogKeeper } from './instances/log-keeper.ts';
import { Registry } from './instances/registry.ts';
import { Runs } from './instances/run.ts';
import { Waiters } from './instances/waiters.ts';
import { recover } from './recovery/recover.ts';
import { SystemService } from './system.ts';

/** The parts that the engine joins; made by the daemon's composition. */
export interface EngineParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly database: Database;
  readonly build: { readonly version: string; readonly commit: string };
  readonly runtimes: Readonly<Record<Isolation, Runtime>>;
  readonly network: Network;
  readonly images: ImageStore;
  readonly roots: RootStorage;
  readonly volumes: VolumeStore;
  readonly machines: Machines;
  readonly builder: Builder;
  readonly bootstrapper: Bootstrapper;
  readonly startStorage: () => Promise<void>;
  readonly validateImage: (image: Image, options: { deep: boolean }) => Promise<readonly string[]>;
  readonly cgroupLayout: () => 'v1' | 'v2' | 'hybrid';
  /** Gives back what was changed on the host for all instances; when the last engine's part is over. */
  readonly restoreHost: () => Promise<void>;
  readonly log: (message: string) => void;
  /** After a shutdown that was asked for over the API. */
  readonly onShutdown: () => void;
}

/** One engine. */
export class Engine {
  readonly api: EngineApi;
  readonly #parts: EngineParts;
  readonly #registry: Registry;
  readonly #lifecycle: Lifecycle;
  readonly #runs: Runs;
  readonly #logs: LogKeeper;
  readonly #bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

  constructor(parts: EngineParts) {
    const { host, identity, database, runtimes, network, images, roots, volumes, machines, log } = parts;
    this.#parts = parts;
    const registry = new Registry(database);
    const events = new EventBus();
    const waiters = new Waiters();
    const size = hostSize();
    const runs = new Runs({ host, identity, runtimes, roots, network, images, machines });
    const logs = new LogKeeper(identity, waiters);
    const lifecycle = new Lifecycle({
      host,
      identity,
      registry,
      runs,
      waiters,
      events,
      volumes,
      logs,
      log,
      bootId: this.#bootId,
    });
    const execs = new ExecRegistry(registry, (config) => runs.runtimeOf(config), events);
    const instances = new InstanceService({
      ...{
        host,
        registry,
        lifecycle,
        waiters,
        logs,
        events,
        images,
        machines,
        volumes,
        roots,
        network,
        runtimes,
        size,
      },
    });
    const names = { normalize: normalizeReference, familiar: familiarReference };
    const imageService = new ImageService({
      ...{
        store: images,
        builder: parts.builder,
        bootstrapper: parts.bootstrapper,
        registry,
        events,
        ...names,
      },
    });
    this.#registry = registry;
    this.#lifecycle = lifecycle;
    this.#runs = runs;
    this.#logs = logs;
    const system = new SystemService({
      ...{ identity, size, network, runtimes, cgroupLayout: parts.cgroupLayout, build: parts.build },
      check: (options) => this.#check(options),
      shutdown: (options) => this.#shutdown(options),
    });
    this.api = { identity, instances, execs, images: imageService, volumes, machines, events, system };
  }

  /** Takes over what an earlier daemon left, then is ready for requests. */
  async start(): Promise<void> {
    const { identity, log, network, roots, runtimes } = this.#parts;
    mkdirSync(join(identity.runDir, 'i'), { recursive: true, mode: 0o711 });
    await this.#parts.startStorage();
    const parts = {
      registry: this.#registry,
      lifecycle: this.#lifecycle,
      runs: this.#runs,
      logs: this.#logs,
    };
    await recover({ ...parts, network, bootId: this.#bootId, log });
    const removed = await removeLeaks({ registry: this.#registry, network, roots, runtimes });
    for (const finding of removed)
      log(`left by an earlier daemon: ${finding.kind} ${finding.what}: ${finding.note}`);
  }

  /** Ends what only the daemon does; instances go on. */
  async stop(): Promise<void> {
    await this.#lifecycle.settled();
    this.#logs.stop();
    await this.#parts.network.stop();
    this.#parts.database.close();
  }

  #check(options: { repair: boolean; deep: boolean }): ReturnType<typeof check> {
    const { network, roots, runtimes, images, validateImage } = this.#parts;
    const examine = (): ReturnType<typeof examineImages> =>
      examineImages(images.list(), (image) => validateImage(image, options));
    return check({ registry: this.#registry, network, roots, runtimes, examineImages: examine }, options);
  }

  async #shutdown(options: { instances: 'keep' | 'stop' }): Promise<void> {
    const { log, network, onShutdown, restoreHost } = this.#parts;
    if (options.instances === 'stop') {
      await Promise.all(this.#registry.list().map(({ config }) => this.#lifecycle.stop(config.id)));
      await this.#lifecycle.settled();
      await network.teardown();
      await restoreHost().catch((error: unknown) => log(`giving the host back: ${messageOf(error)}`));
    }
    await this.stop();
    // The answer goes out first.
    setTimeout(onShutdown, 20);
  }
}

function hostSize(): HostSize {
  return { cpus: cpus().length, memory: totalmem() };
}
