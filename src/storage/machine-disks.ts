import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Machines } from '../model/machine.ts';
import type { Host } from '../host/host.ts';
import { defaultSuite, findSuite } from '../host/mmdebstrap.ts';
import { digestOf } from '../lib/digest.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { HullError } from '../model/errors.ts';
import type { ProgressSink } from '../model/progress.ts';
import type { MachineRecord, Repositories } from '../state/repositories.ts';
import type { DataFolders } from './data-folders.ts';
import type { Removals } from './removals.ts';
import {
  BUILDER_REVISION,
  buildMachine,
  MACHINE_CMDLINE,
  storedBytes,
  type MachineInputs,
} from './machine-builder.ts';
import type { SetAside } from './set-aside.ts';
import { asStorage } from './storage-error.ts';
import type { MachineDisk } from '../model/machine.ts';
import type { Trees } from './trees.ts';

const GIBIBYTE = 1024 ** 3;
const DEFAULT_SIZE = 4 * GIBIBYTE;
const MAX_SIZE = 1024 * GIBIBYTE;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;
const PACKAGE = /^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$/;

type CreateRequest = Parameters<Machines['create']>[0];

export interface MachineDisksParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly removals: Removals;
  readonly trees: Trees;
  readonly repositories: Repositories;
  readonly setAside: SetAside;
}

/** Machine disks: `DATA/machines/NAME/{disk.raw,vmlinuz,initrd.img}`. Never written to once made: instances write into an overlay of their own. */
export class MachineDisks implements Machines {
  readonly #parts: MachineDisksParts;
  readonly #lock = new KeyedLock();

  constructor(parts: MachineDisksParts) {
    this.#parts = parts;
  }

  /** Sets folders without a record aside. */
  start(): void {
    const { folders, repositories, setAside } = this.#parts;
    const known = repositories.machines.folders();
    for (const name of readdirSync(folders.machines))
      if (!known.has(name)) setAside.take(join(folders.machines, name), 'machines');
  }

  list(): readonly MachineDisk[] {
    return this.#parts.repositories.machines.list().map((record) => record.machine);
  }

  get(name: string): MachineDisk {
    return this.#record(name).machine;
  }

  /** The same request over the same package sources gives the machine that is there. */
  async create(request: CreateRequest, onProgress: ProgressSink, signal?: AbortSignal): Promise<MachineDisk> {
    check(request);
    const { folders, repositories } = this.#parts;
    const files = Object.entries(request.files ?? {}).map(([path, text]) => ({
      path,
      text,
      mode: path.startsWith('/usr/local/bin/') ? 0o755 : 0o644,
    }));
    const inputs: MachineInputs = {
      suite: findSuite(request.suite ?? defaultSuite()),
      packages: request.packages,
      files,
      size: request.size ?? DEFAULT_SIZE,
    };
    const inputKey = digestOf(JSON.stringify([inputs, BUILDER_REVISION]));
    return await this.#lock.run(request.name, async () => {
      const known = repositories.machines.find(request.name);
      const whole = known !== null && existsSync(join(folders.machines, known.folder, 'disk.raw'));
      if (whole && known.inputKey === inputKey) return known.machine;
      if (known !== null)
        throw new HullError(
          'name-in-use',
          `a machine named ${request.name} is there, made from other packages, files or sources; remove it first`,
        );
      return await asStorage('cannot build the machine', () =>
        this.#build(request.name, inputs, inputKey, onProgress, signal),
      );
    });
  }

  async remove(name: string): Promise<void> {
    const { folders, repositories, removals } = this.#parts;
    if (repositories.machines.damaged().some((one) => one.name === name)) return this.#removeDamaged(name);
    const { folder } = this.#record(name);
    repositories.durably(() => repositories.machines.remove(name));
    removals.discard(join(folders.machines, folder));
  }

  /** Makes a damaged record anew from the disk. Throws where there is none. */
  restore(name: string): void {
    const { repositories } = this.#parts;
    const damaged = repositories.machines.damaged().find((one) => one.name === name);
    if (damaged === undefined) return;
    const { folder, inputKey } = damaged;
    if (basename(folder) !== folder) throw new Error(`${JSON.stringify(folder)} is no folder of machines`);
    const machine = this.#machineIn(name, folder, 'restored from its disk');
    repositories.durably(() => repositories.machines.add({ folder, inputKey, machine }));
  }

  /** What its record says of a folder is not believed: the next start sets it aside. */
  #removeDamaged(name: string): void {
    const { repositories } = this.#parts;
    repositories.durably(() => repositories.machines.remove(name));
  }

  #machineIn(name: string, folder: string, description: string): MachineDisk {
    const target = join(this.#parts.folders.machines, folder);
    const disk = join(target, 'disk.raw');
    const { size, blocks, mtimeMs } = statSync(disk);
    const [kernel, initrd] = [join(target, 'vmlinuz'), join(target, 'initrd.img')];
    for (const file of [kernel, initrd]) statSync(file);
    return {
      ...{ name, disk, kernel, initrd, cmdline: MACHINE_CMDLINE, description },
      ...{ virtualSize: size, storedSize: blocks * 512, createdAt: Math.round(mtimeMs) },
    };
  }

  async #build(
    name: string,
    inputs: MachineInputs,
    inputKey: string,
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<MachineDisk> {
    const { folders, removals, repositories, host } = this.#parts;
    return await folders.withTemporary(removals, async (temporary) => {
      await mkdir(temporary, { mode: 0o755 });
      await buildMachine(this.#parts, inputs, temporary, onProgress, signal);
      const folder = folders.fresh();
      const target = join(folders.machines, folder);
      const storedSize = await storedBytes(join(temporary, 'disk.raw'));
      await rename(temporary, target);
      await host.files.fsync(folders.machines);
      const machine: MachineDisk = {
        name,
        disk: join(target, 'disk.raw'),
        kernel: join(target, 'vmlinuz'),
        initrd: join(target, 'initrd.img'),
        cmdline: MACHINE_CMDLINE,
        virtualSize: inputs.size,
        storedSize,
        createdAt: Date.now(),
        description: `Debian ${inputs.suite.suite} with ${inputs.packages.length === 0 ? 'no further packages' : inputs.packages.join(', ')}`,
      };
      repositories.durably(() => repositories.machines.add({ folder, inputKey, machine }));
      return machine;
    });
  }

  #record(name: string): MachineRecord {
    const found = this.#parts.repositories.machines.find(name);
    if (found !== null) return found;
    throw new HullError('machine-not-found', `no machine is named ${name}; see \`hull machine ls\``);
  }
}

function check({ name, packages, size, files = {} }: CreateRequest): void {
  if (!NAME.test(name))
    throw new HullError(
      'invalid-argument',
      `${JSON.stringify(name)} is no name for a machine: use letters, digits, "_", "." and "-"`,
    );
  const bad = packages.find((one) => !PACKAGE.test(one));
  if (bad !== undefined) throw new HullError('invalid-argument', `${JSON.stringify(bad)} is no package name`);
  const relative = Object.keys(files).find((path) => !path.startsWith('/'));
  if (relative !== undefined)
    throw new HullError(
      'invalid-argument',
      `the machine's file ${JSON.stringify(relative)} needs an absolute path`,
    );
  if (
    size !== undefined &&
    (!Number.isSafeInteger(size) || size < GIBIBYTE / 2 || size > MAX_SIZE || size % 4096 !== 0)
  ) {
    throw new HullError(
      'invalid-argument',
      `a machine's disk has 512 MiB to 1 TiB, in whole 4 KiB blocks, not ${size} bytes`,
    );
  }
}
