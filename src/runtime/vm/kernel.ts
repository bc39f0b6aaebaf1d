import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Exec } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import { type CpioEntry, MODE, writeCpio } from './cpio.ts';
import { extractKernel } from './kernel-image.ts';
import { findModules, moduleClosure, type LoadedModule } from './kernel-modules.ts';

/** A kernel and initramfs ready for QEMU. */
export interface GuestKernel {
  readonly kernel: string;
  readonly initrd: string;
  readonly version: string;
}

/** The file that a distribution's package installs, and its modules. */
export interface KernelFile {
  readonly path: string;
  readonly version: string;
  readonly modules: string;
}

/** In the order in which they are wanted; those that are built in have no file and are skipped. */
const BOOT_MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'virtio_net',
  'erofs',
  'crc32c_generic',
  'ext4',
  'overlay',
  'virtio_rng',
];
const SHARE_MODULES = ['virtiofs'];
/** Part of the cache's key: raise it when what is made from the same inputs changes. */
const CACHE_FORMAT = 1;

/**
 * Finds the guest kernel: the file that the user named, else the newest in the first of `places` that has one. In each, kernels lie as packages
 * unpack them (`boot/vmlinuz-V` with `lib/modules/V`) or plainly; cloud kernels first. Rejects with `kernel-not-found`.
 */
export function findKernel(places: readonly string[], named?: string): KernelFile {
  if (named !== undefined) {
    if (!existsSync(named))
      throw new HullError('kernel-not-found', `the guest kernel ${named} does not exist`);
    return describe(named);
  }
  for (const place of places) {
    const inside = list(place).flatMap((name) => [`${place}/${name}/boot`, `${place}/${name}`]);
    const best = [...new Set([`${place}/boot`, place, ...inside])].flatMap(kernelsIn).sort(preferred)[0];
    if (best !== undefined) return describe(best);
  }
  throw new HullError(
    'kernel-not-found',
    `no guest kernel was found in ${places.join(', ')}; install one with: apt-get install linux-image-cloud-amd64, or name a file in HULL_GUEST_KERNEL`,
  );
}

/** Where an engine looks for guest kernels: its data folder, beside the program, the host's own. */
export function kernelPlaces(dataDir: string, executable = process.execPath): readonly string[] {
  return [`${dataDir}/kernels`, `${dirname(executable)}/kernels`, '/boot'];
}

function kernelsIn(folder: string): string[] {
  return list(folder)
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => `${folder}/${name}`);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Cloud kernels first (they are small and have every virtio driver), then the newest. */
function preferred(one: string, other: string): number {
  const cloud = Number(other.includes('cloud')) - Number(one.includes('cloud'));
  return cloud !== 0 ? cloud : basename(other).localeCompare(basename(one), 'en', { numeric: true });
}

function describe(path: string): KernelFile {
  const version = basename(path).replace(/^(vmlinuz|vmlinux|bzImage)-?/, '');
  const folder = dirname(path);
  const places = [
    `${folder}/modules/${version}`,
    `${folder}/../lib/modules/${version}`,
    `/lib/modules/${version}`,
  ];
  return { path, version, modules: places.find((place) => existsSync(place)) ?? `/lib/modules/${version}` };
}

/** Makes (or finds again) the uncompressed kernel and the initramfs. Made once per kernel file and guest program. */
export class KernelCache {
  readonly #exec: Exec;
  readonly #folder: string;
  readonly #guestProgram: string;
  #making = new Map<string, Promise<GuestKernel>>();

  /** `guestProgram`: path of hull-guest. */
  constructor(exec: Exec, dataDir: string, guestProgram: string) {
    this.#exec = exec;
    this.#folder = `${dataDir}/guest-kernels`;
    this.#guestProgram = guestProgram;
  }

  async prepare(file: KernelFile): Promise<GuestKernel> {
    const key = this.#key(file);
    const known = this.#making.get(key);
    if (known !== undefined) return await known;
    const making = this.#make(file, `${this.#folder}/${key}`);
    this.#making.set(key, making);
    try {
      return await making;
    } catch (error) {
      this.#making.delete(key);
      throw error;
    }
  }

  #key(file: KernelFile): string {
    if (!existsSync(this.#guestProgram)) {
      throw new HullError(
        'host-tool-missing',
        `the guest program ${this.#guestProgram} is missing; build it with guest/build.sh`,
      );
    }
    const kernel = statSync(file.path);
    const facts = [CACHE_FORMAT, file.path, kernel.size, kernel.mtimeMs, file.modules];
    const hash = createHash('sha256').update(JSON.stringify(facts)).update(readFileSync(this.#guestProgram));
    return hash.digest('hex').slice(0, 24);
  }

  async #make(file: KernelFile, folder: string): Promise<GuestKernel> {
    const made = { kernel: `${folder}/kernel`, initrd: `${folder}/initrd`, version: file.version };
    // The initramfs is renamed into place last: where it is, the kernel is too.
    if (existsSync(made.initrd)) return made;
    mkdirSync(folder, { recursive: true });
    const image = readFileSync(file.path);
    const kernel = await extractKernel(image, this.#exec, folder);
    replace(made.kernel, kernel ?? image);
    replace(made.initrd, await this.#initramfs(file, folder));
    return made;
  }

  async #initramfs(file: KernelFile, scratch: string): Promise<Uint8Array> {
    const files = findModules(`${file.modules}/kernel`);
    const boot = await moduleClosure(BOOT_MODULES, files, new Set(), this.#exec, scratch);
    const loaded = new Set(boot.map((module) => module.name));
    const shares = await moduleClosure(SHARE_MODULES, files, loaded, this.#exec, scratch);
    return buildInitramfs(readFileSync(this.#guestProgram), { boot, virtiofs: shares });
  }
}

/** `groups`: modules by the group that the agent loads them in, in order. */
export function buildInitramfs(
  program: Uint8Array,
  groups: Readonly<Record<string, readonly LoadedModule[]>>,
): Uint8Array {
  const modules = Object.entries(groups).flatMap(([group, members]) =>
    members.map((member) => ({ group, ...member })),
  );
  const order = modules.map((module) => `${module.group} ${module.name}.ko\n`).join('');
  const entries: CpioEntry[] = [
    { name: 'dev', mode: MODE.folder },
    { name: 'dev/console', mode: MODE.characterDevice, device: { major: 5, minor: 1 } },
    { name: 'init', mode: MODE.program, data: program },
    { name: 'modules', mode: MODE.folder },
    { name: 'modules/order', mode: MODE.file, data: Buffer.from(order) },
    ...modules.map((module) => ({ name: `modules/${module.name}.ko`, mode: MODE.file, data: module.data })),
  ];
  return writeCpio(entries);
}

function replace(path: string, data: Uint8Array): void {
  writeFileSync(`${path}.new`, data);
  renameSync(`${path}.new`, path);
}
