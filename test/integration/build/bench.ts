/** Helpers of the builder's tests: real storage, network, runtime and database of an engine of its own, with a small base image. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBuilder, type Builder } from '../../../src/build/index.ts';
import { createRuntimeStepRunner } from '../../../src/build/runtime-step-runner.ts';
import type { BuildEvent, BuildRequest } from '../../../src/build/types.ts';
import { Cgroups } from '../../../src/host/cgroup.ts';
import type { Host } from '../../../src/host/host.ts';
import { createHost } from '../../../src/host/index.ts';
import { TreeSyscalls } from '../../../src/host/tree-syscalls.ts';
import type { ImageStore } from '../../../src/images/image-store.ts';
import { createImageStore } from '../../../src/images/stored-images.ts';
import { packTar, readTar, type TarInput } from '../../../src/lib/tar/archive.ts';
import type { TarMember } from '../../../src/lib/tar/encode.ts';
import { type EngineIdentity, names } from '../../../src/model/engine-identity.ts';
import type { Image } from '../../../src/model/image.ts';
import { createNetwork } from '../../../src/network/index.ts';
import type { Network } from '../../../src/network/network.ts';
import { createContainerRuntime } from '../../../src/runtime/container/index.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { buildCacheRepository } from '../../../src/state/build-cache.ts';
import { openDatabase } from '../../../src/state/database.ts';
import { createRepositories } from '../../../src/state/storage-repositories.ts';
import { createStorage, type Storage } from '../../../src/storage/index.ts';
import { testIdentity } from '../../support/identity.ts';

const SELF = [process.execPath, join(import.meta.dir, '../support/internal.ts')];
const APPLETS = [
  'sh',
  'cat',
  'chmod',
  'cp',
  'df',
  'dd',
  'echo',
  'env',
  'false',
  'grep',
  'hostname',
  'id',
  'ip',
  'ln',
  'ls',
  'mkdir',
  'nslookup',
  'pwd',
  'rm',
  'seq',
  'sleep',
  'stat',
  'touch',
  'true',
  'wget',
];

/** What a finished image holds at one path. */
export interface Found {
  readonly type: TarMember['type'];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: string;
}

export class BuildBench {
  readonly host: Host = createHost();
  readonly folder = mkdtempSync(join(tmpdir(), 'hull build-'));
  readonly identity: EngineIdentity;
  readonly storage: Storage;
  readonly images: ImageStore;
  readonly network: Network;
  readonly runtime: Runtime;
  readonly builder: Builder;
  events: BuildEvent[] = [];
  readonly #cgroups: Cgroups;

  constructor(data = join(this.folder, 'data'), fixed: Partial<EngineIdentity> = {}) {
    this.identity = { ...testIdentity(this.folder, { data }), ...fixed };
    for (const folder of [this.identity.dataDir, this.identity.runDir])
      mkdirSync(folder, { recursive: true });
    const { host, identity } = this;
    const database = openDatabase(join(identity.dataDir, 'state.db'));
    const repositories = createRepositories(database);
    this.storage = createStorage({ host, identity, repositories, self: SELF });
    const { content, layers, roots, trees } = this.storage;
    this.images = createImageStore({ repositories, content, layers });
    this.network = createNetwork({ host, identity });
    this.#cgroups = new Cgroups(host, identity);
    this.runtime = createContainerRuntime({ host, identity, cgroups: this.#cgroups });
    const syscalls = new TreeSyscalls();
    this.builder = createBuilder({
      host,
      images: this.images,
      layers,
      storage: roots,
      cache: buildCacheRepository(database),
      runner: createRuntimeStepRunner({ host, identity, runtime: this.runtime, network: this.network }),
      trees,
      withTemporary: (use) => this.storage.withTemporary(use),
      readAttributes: (path) => syscalls.xattrs(path),
    });
  }

  /** Starts everything and makes the image `base`: busybox, with the users root and app (1000). */
  async start(): Promise<void> {
    await this.storage.start();
    await this.network.start(new Map());
    const layer = await this.storage.layers.importTar({ stream: packTar(baseFiles()) });
    const config = {
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'] },
      history: [{ created_by: 'base' }],
    };
    await this.images.commit(config, [layer], ['base']);
  }

  async stop(): Promise<void> {
    await this.network.teardown();
    this.#cgroups.group(names.cgroupParent(this.identity)).remove();
    await this.#cgroups.leave();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Builds from files given by path; `Dockerfile` is the blueprint. */
  async build(
    files: Readonly<Record<string, string | TarInput>>,
    request: Partial<BuildRequest> = {},
    signal?: AbortSignal,
  ): Promise<Image> {
    this.events = [];
    const inputs = Object.entries(files).map(([name, file]): TarInput => {
      if (typeof file !== 'string') return { ...file, header: { ...file.header, name } };
      return {
        header: { name, type: 'file', uid: 501, gid: 20, mtime: 1_600_000_000_000_000_000n },
        body: Buffer.from(file),
      };
    });
    const all = { context: packTar(inputs), tags: [], args: {}, labels: {}, noCache: false, ...request };
    return await this.builder.build(all, (event) => void this.events.push(event), signal);
  }

  /** What the commands printed. */
  output(): string {
    return this.events.map((event) => (event.type === 'output' ? event.text : '')).join('');
  }

  cached(): number {
    return this.events.filter((event) => event.type === 'cached').length;
  }

  /** Everything in an image, by path. */
  async filesOf(image: Image): Promise<Map<string, Found>> {
    return await this.storage.roots.withReadOnlyLayers(image.layers, async (root) => {
      const found = new Map<string, Found>();
      for await (const entry of readTar(this.storage.trees.archive(root, { mode: 'plain' }))) {
        const { name, type, mode, uid, gid, linkName } = entry.header;
        const chunks: Uint8Array[] = [];
        for await (const chunk of entry.body) chunks.push(Uint8Array.from(chunk));
        found.set(name, {
          type,
          mode,
          uid,
          gid,
          content: type === 'symlink' ? linkName : Buffer.concat(chunks).toString(),
        });
      }
      return found;
    });
  }

  /** All that exists on the host for this engine's builds. */
  async leftovers(): Promise<string[]> {
    const known = new Set<string>();
    const all = [...(await this.runtime.inventory()), ...(await this.storage.roots.inventory(known))];
    const mounts = this.host.mounts.list().filter((mount) => mount.target.startsWith(this.folder));
    const found = [
      ...all.map(({ kind, what }) => `${kind} ${what}`),
      ...mounts.map((mount) => `mount ${mount.target}`),
    ];
    const parent = `cgroup ${names.cgroupParent(this.identity)}`;
    // The network keeps namespaces ready, and the parent of all control groups may stay without any.
    return found.filter((what) => !what.includes('/run/netns/') && what !== parent);
  }
}

function* baseFiles(): Generator<TarInput> {
  const folder = (name: string, mode = 0o755): TarInput => ({ header: { name, type: 'directory', mode } });
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'root']) yield folder(name);
  yield folder('tmp', 0o1777);
  yield { header: { name: 'bin/busybox', type: 'file', mode: 0o755 }, body: readFileSync('/bin/busybox') };
  for (const name of APPLETS)
    yield { header: { name: `bin/${name}`, type: 'symlink', linkName: 'busybox', mode: 0o777 } };
  const text = (name: string, body: string): TarInput => ({
    header: { name, type: 'file' },
    body: Buffer.from(body),
  });
  yield text('etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n');
  yield text('etc/group', 'root:x:0:\napp:x:1000:\n');
}
