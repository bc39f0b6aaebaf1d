import { join } from 'node:path';
import { createBuilder } from '../build/index.ts';
import { createRuntimeStepRunner } from '../build/runtime-step-runner.ts';
import { Engine } from '../engine/engine.ts';
import type { Bootstrapper } from '../engine/images/images.ts';
import { Cgroups } from '../host/cgroup.ts';
import type { Host } from '../host/index.ts';
import { TreeSyscalls } from '../host/tree-syscalls.ts';
import { bootstrapImage, type BootstrapParts } from '../images/bootstrap.ts';
import type { ImageStore } from '../images/image-store.ts';
import { createImageStore } from '../images/stored-images.ts';
import { repairImage } from '../images/repair.ts';
import { validate } from '../images/validate.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { messageOf } from '../model/errors.ts';
import type { Digest } from '../model/image.ts';
import { createNetwork } from '../network/index.ts';
import { createContainerRuntime, createSandboxRuntime } from '../runtime/container/index.ts';
import { createVmRuntime } from '../runtime/vm/index.ts';
import { type BuildCacheRepository, buildCacheRepository } from '../state/build-cache.ts';
import { type Database, openDatabase } from '../state/database.ts';
import { DATABASE_FILE } from '../state/engine-files.ts';
import { MIGRATIONS } from '../state/migrations.ts';
import { RecordCopies } from '../state/record-copies.ts';
import type { Repositories } from '../state/repositories.ts';
import { createRepositories } from '../state/storage-repositories.ts';
import { ConfinedFiles } from '../storage/files/instance-files.ts';
import { withoutForeignCompression } from '../storage/foreign-compression.ts';
import { createStorage, type Storage } from '../storage/index.ts';
import { stateMissing } from './claim-folders.ts';
import { GUEST_PROGRAM, JAIL_PROGRAM, placeMeasureProgram, placeRecorder } from './embedded.ts';
import { transferParts } from './transfers.ts';

export interface CompositionOptions {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly engineId: string;
  /** What lies in the data folder: then there must be a database. */
  readonly content: readonly string[];
  readonly build: { readonly version: string; readonly commit: string; readonly builtWith: string };
  /** A kernel file for VMs; default: found. */
  readonly guestKernel?: string | undefined;
  readonly log: (message: string) => void;
  readonly debug: (message: string) => void;
  readonly onShutdown: () => void;
}

/** Joins the real parts into an engine. The only place that knows them all. */
export function composeEngine(options: CompositionOptions): Engine {
  const { host, identity, guestKernel } = options;
  const { database, copies } = openState(options);
  const repositories = createRepositories(database);
  const storage = createStorage({ host, identity, repositories, log: options.log });
  const { trees, content, layers, roots, volumes, sizes } = storage;
  const onLayersUnused = (diffIds: readonly Digest[]) => storage.disks.removeImage(diffIds);
  const images = createImageStore({ repositories, content, layers, onLayersUnused });
  const cgroups = new Cgroups(host, identity);
  const settings = {
    guestProgram: GUEST_PROGRAM,
    recorder: placeRecorder(identity.runDir),
    jailProgram: JAIL_PROGRAM,
    ...(guestKernel === undefined ? {} : { kernel: guestKernel }),
  };
  const runtimes = {
    container: createContainerRuntime({ host, identity, cgroups }),
    sandbox: createSandboxRuntime({ host, identity, cgroups }),
    vm: createVmRuntime({ host, identity, settings }),
  };
  const network = createNetwork({ host, identity, settings: { log: options.log } });
  const runner = createRuntimeStepRunner({ host, identity, runtime: runtimes.container, network });
  const syscalls = new TreeSyscalls();
  const readAttributes = (path: string): ReadonlyMap<string, Uint8Array> => syscalls.xattrs(path);
  const cache = buildCacheRepository(database);
  return new Engine({
    ...options,
    measureProgram: placeMeasureProgram(identity.runDir),
    ...{ database, runtimes, network, images, roots, volumes, sizes, layers, trees },
    files: new ConfinedFiles(host),
    plainArchive: (archive) => withoutForeignCompression(host, archive),
    machines: storage.machines,
    setAside: storage.setAside,
    records: repositories,
    restoreMachine: (name) => storage.machines.restore(name),
    ...transferParts({ storage, images, keptLayers: () => cache.layers() }),
    builder: createBuilder({
      host,
      images,
      layers,
      storage: roots,
      cache,
      runner,
      trees,
      readAttributes,
      withTemporary: (use) => storage.withTemporary(use),
    }),
    bootstrapper: bootstrapper({ host, layers, images, withTemporary: (use) => storage.withTemporary(use) }),
    buildCache: cache,
    stopStorage: () => copies.stop(),
    startStorage: () => startStorage({ storage, repositories, images, cache, log: options.log }),
    endStorage: () => storage.end(),
    repairImage: (image) => repairImage(image, { content, layers }),
    validateImage: (image, { deep }) => {
      return validate(image, { content, layers, uncompressedDigest: storage.uncompressedDigest }, { deep });
    },
    cgroupLayout: () => cgroups.facts().layout,
    restoreHost: () => cgroups.leave(),
  });
}

interface StorageStart {
  readonly storage: Storage;
  readonly repositories: Repositories;
  readonly images: ImageStore;
  readonly cache: BuildCacheRepository;
  readonly log: (message: string) => void;
}

async function startStorage({ storage, repositories, images, cache, log }: StorageStart): Promise<void> {
  await storage.start();
  // By their digests the blobs prove that they are the image's: what runs of it can be taken over.
  for (const { id } of repositories.images.damaged())
    await images
      .restore(id)
      .catch((error: unknown) => log(`restoring the image ${id} failed: ${messageOf(error)}`));
  // What a daemon killed in the middle of its work had finished and nobody has asked for since.
  await images.prune(cache.layers());
}

/** A new database is made in an empty folder only. */
function openState({ identity, engineId, content, log }: CompositionOptions): {
  database: Database;
  copies: RecordCopies;
} {
  const { dataDir } = identity;
  const database = openDatabase(join(dataDir, DATABASE_FILE), {
    engineId,
    onNew: () => {
      if (content.length > 0) throw stateMissing(dataDir, content);
    },
  });
  const copies = new RecordCopies(database, { dataDir, version: MIGRATIONS.length, log });
  for (const what of copies.start()) log(`the database is older than its copies: restored the ${what}`);
  return { database, copies };
}

function bootstrapper(parts: BootstrapParts): Bootstrapper {
  return {
    bootstrap: (reference, { packages }, onProgress, signal) =>
      bootstrapImage(parts, reference, {
        onProgress,
        ...(packages === undefined ? {} : { packages }),
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}
