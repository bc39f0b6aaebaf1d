import type { Builder } from '../build/index.ts';
import type { Host } from '../host/host.ts';
import type { LoadParts } from '../images/archive/load.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { Registries } from '../images/registry/registries.ts';
import type { HttpTransport } from '../images/registry/transport.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Image } from '../model/image.ts';
import type { Isolation } from '../model/isolation.ts';
import type { Network } from '../network/network.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { InstanceFiles } from '../storage/files/files.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import type { BuildCacheRepository } from '../state/build-cache.ts';
import type { Database } from '../state/database.ts';
import type { Repositories } from '../state/repositories.ts';
import type { RootStorage, SetAsideStore, VolumeStore } from '../storage/storage.ts';
import type { TreeSizes } from '../storage/tree-sizes.ts';
import type { Trees } from '../storage/trees.ts';
import type { Machines } from './api.ts';
import type { Bootstrapper } from './images/images.ts';

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
  /** Ends what storage does behind the answers, and unmounts what builds have left; the next daemon goes on with the rest. */
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
