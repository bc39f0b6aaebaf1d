import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { createHost } from '../../../src/host/index.ts';
import type { ImageStore } from '../../../src/images/image-store.ts';
import { createImageStore } from '../../../src/images/stored-images.ts';
import type { TarInput } from '../../../src/lib/tar/archive.ts';
import type { TarMember } from '../../../src/lib/tar/encode.ts';
import type { EngineIdentity } from '../../../src/model/engine-identity.ts';
import { openDatabase, type Database } from '../../../src/state/database.ts';
import type { Repositories } from '../../../src/state/repositories.ts';
import { createRepositories } from '../../../src/state/storage-repositories.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { testIdentity } from '../../support/identity.ts';

/** The command that stands in for hull's own. */
export const SELF: readonly string[] = [process.execPath, join(import.meta.dir, 'internal.ts')];
export const host = createHost();

/** A store of its own in a temporary folder, and the way to open it again as after a crash. */
export interface TestStore {
  readonly folder: string;
  readonly identity: EngineIdentity;
  readonly database: Database;
  readonly repositories: Repositories;
  readonly storage: Storage;
  readonly images: ImageStore;
  /** As a new daemon would see it. */
  reopen(): Promise<TestStore>;
  /** Unmounts and deletes everything. */
  destroy(): Promise<void>;
}

/** `on`: the host that the store works on, where its calls are to fail. */
export async function makeStore(
  folder = mkdtempSync(join(tmpdir(), 'hull-store-')),
  on: Host = host,
): Promise<TestStore> {
  const identity = testIdentity(folder);
  mkdirSync(identity.dataDir, { recursive: true });
  const database = openDatabase(join(identity.dataDir, 'state.db'));
  const repositories = createRepositories(database);
  const storage = createStorage({ host: on, identity, repositories, self: SELF });
  const images = createImageStore({
    repositories,
    content: storage.content,
    layers: storage.layers,
    onLayersUnused: (diffIds) => storage.disks.removeImage(diffIds),
  });
  await storage.start();
  return {
    folder,
    identity,
    database,
    repositories,
    storage,
    images,
    reopen: async () => {
      database.close();
      return await makeStore(folder, on);
    },
    destroy: async () => {
      database.close();
      for (const { target } of host.mounts.list())
        if (target.startsWith(`${folder}/`)) await host.mounts.unmount(target);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function file(name: string, body = '', more: Partial<TarMember> = {}): TarInput {
  return { header: { name, type: 'file', ...more }, body: Buffer.from(body) };
}

export function folderMember(name: string, more: Partial<TarMember> = {}): TarInput {
  return { header: { name, type: 'directory', ...more } };
}
