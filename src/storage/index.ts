import type { Host } from '../host/host.ts';
import { selfCommand } from '../host/self.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Digest } from '../model/image.ts';
import type { Repositories } from '../state/repositories.ts';
import { createTrees } from './confined.ts';
import { decompress, uncompressedDigest } from './compression.ts';
import type { ContentStore } from './content.ts';
import { FileContentStore } from './content-store.ts';
import { DataFolders } from './data-folders.ts';
import { ImageDisks } from './image-disks.ts';
import { InstanceRoots } from './instance-roots.ts';
import type { LayerStore } from './layer-store.ts';
import { OverlayLayerStore } from './overlay-layers.ts';
import { MachineDisks } from './machine-disks.ts';
import { Removals } from './removals.ts';
import { SetAside } from './set-aside.ts';
import type { RootStorage, SetAsideStore, VolumeStore } from './storage.ts';
import { TreeSizes } from './tree-sizes.ts';
import type { Trees } from './trees.ts';
import { FolderVolumes } from './volumes/volumes.ts';

export interface StorageParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly repositories: Repositories;
  /** The command that runs hull again; default: this program's own. */
  readonly self?: readonly string[];
  /** Told what cannot be removed or unmounted. */
  readonly log?: (message: string) => void;
}

export interface Storage {
  readonly trees: Trees;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly roots: RootStorage;
  readonly volumes: VolumeStore;
  readonly disks: ImageDisks;
  readonly machines: MachineDisks;
  readonly sizes: TreeSizes;
  readonly setAside: SetAsideStore;
  /** Digest of a blob’s uncompressed bytes. */
  readonly uncompressedDigest: (stream: AsyncIterable<Uint8Array>) => Promise<Digest>;
  /** The plain stream of one that may be compressed with gzip or zstd. Throws `TarError` in the loop on damage and on bombs. */
  readonly decompressed: (stream: AsyncIterable<Uint8Array>) => Promise<AsyncIterable<Uint8Array>>;
  /** Runs `use` with a path on the store’s filesystem (not made); what is there afterwards is removed. */
  withTemporary<T>(use: (path: string) => Promise<T>): Promise<T>;
  readonly removals: Removals;
  /**
   * Makes the folders, takes what a crash left half-made out of the way, and sets aside what no record accounts for. Once, before anything else. How
   * much that is does not matter: a process deletes it afterwards.
   */
  start(): Promise<void>;
  /** Ends what only the daemon does, and unmounts the roots of builds that are left; what is still to be deleted stays for the next daemon. */
  end(): Promise<void>;
}

/** Storage of one engine, wired. */
export function createStorage({ host, identity, repositories, self, log }: StorageParts): Storage {
  const folders = new DataFolders(identity);
  const removals = new Removals({
    ...{ host, folders },
    ...(self === undefined ? {} : { self }),
    ...(log === undefined ? {} : { log }),
  });
  const setAside = new SetAside(folders, removals);
  const trees = createTrees(host, self);
  const content = new FileContentStore(host.files, folders, repositories, setAside);
  const layers = new OverlayLayerStore({ host, folders, removals, trees, content, repositories, setAside });
  const disks = new ImageDisks(host, folders, removals, repositories, setAside);
  const sizes = new TreeSizes(host);
  const roots = new InstanceRoots({ host, folders, removals, layers, disks, sizes, setAside, log });
  const volumes = new FolderVolumes({
    ...{ host, folders, removals, repositories, trees, setAside },
    self: self ?? selfCommand(),
  });
  const machines = new MachineDisks({ host, folders, removals, trees, repositories, setAside });
  const start = async () => {
    folders.make();
    volumes.start();
    await roots.start();
    layers.start();
    await content.start();
    disks.start();
    machines.start();
    removals.start();
  };
  const withTemporary = <T>(use: (path: string) => Promise<T>) => folders.withTemporary(removals, use);
  return {
    withTemporary,
    removals,
    trees,
    content,
    layers,
    roots,
    volumes,
    disks,
    machines,
    sizes,
    setAside,
    uncompressedDigest,
    decompressed: async (stream) => (await decompress(stream, () => undefined)).stream,
    start,
    end: async () => {
      roots.end();
      await removals.close();
    },
  };
}
