import { readdirSync } from 'node:fs';
import { copyFile, mkdir, open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { bootstrapTar, type SuiteSources } from '../host/mmdebstrap.ts';
import { packTar, type TarInput } from '../lib/tar/archive.ts';
import { HullError, isHullError } from '../model/errors.ts';
import type { ProgressSink } from '../model/progress.ts';
import { NETWORK_FILES, NETWORK_UNIT } from './machine-network.ts';
import type { Removals } from './removals.ts';
import type { Trees } from './trees.ts';

/** A file of the guest's. */
export interface MachineFile {
  /** Absolute path in the guest. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

export interface MachineInputs {
  readonly suite: SuiteSources;
  readonly packages: readonly string[];
  readonly files: readonly MachineFile[];
  /** Bytes of the disk as the guest sees it. */
  readonly size: number;
}

export interface MachineBuilderParts {
  readonly host: Host;
  readonly removals: Pick<Removals, 'discard'>;
  readonly trees: Trees;
}

const MINUTES = 60_000;
const KERNELS: Readonly<Record<string, string>> = {
  x64: 'linux-image-cloud-amd64',
  arm64: 'linux-image-cloud-arm64',
};
/** What a Debian server has at least: init, devices, network tools. */
const SYSTEM = [
  'dbus',
  'e2fsprogs',
  'initramfs-tools',
  'iproute2',
  'kmod',
  'procps',
  'systemd',
  'systemd-sysv',
  'udev',
];
/** Everything that the machine's disk and network need; the default, most of the kernel's modules, makes an initrd that takes seconds to unpack. */
const INITRD_MODULES = ['virtio_pci', 'virtio_blk', 'virtio_net', 'ext4', 'crc32c_generic'];
const EARLY_HOOKS = [
  'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"',
  `printf 'MODULES=list\\nRESUME=none\\nCOMPRESS=gzip\\n' > "$1/etc/initramfs-tools/conf.d/machine"`,
  `printf '%s\\n' ${INITRD_MODULES.join(' ')} > "$1/usr/share/initramfs-tools/modules.d/machine"`,
];
const HOOKS = [
  // The unit's file is put in place after the hooks, so it is linked by hand.
  `mkdir -p "$1/etc/systemd/system/multi-user.target.wants" && ln -sf /etc/systemd/system/${NETWORK_UNIT} "$1/etc/systemd/system/multi-user.target.wants/${NETWORK_UNIT}"`,
  'rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
  'for timer in apt-daily apt-daily-upgrade e2scrub_all fstrim; do chroot "$1" systemctl --quiet disable $timer.timer 2>/dev/null || true; done',
];
const OWN_FILES: readonly MachineFile[] = [
  { path: '/etc/fstab', mode: 0o644, text: '/dev/vda / ext4 defaults,errors=remount-ro 0 1\n' },
  { path: '/etc/hosts', mode: 0o644, text: '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' },
  {
    // The console is reached by the host's root only, who owns the disk anyway.
    path: '/etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf',
    mode: 0o644,
    text: '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,57600,38400,9600 %I $TERM\n',
  },
];

/** The kernel's command line; the runtime adds the console and what differs between instances. */
export const MACHINE_CMDLINE = 'root=/dev/vda rw net.ifnames=0';
/** Changes when the same inputs would give another machine. */
export const BUILDER_REVISION = JSON.stringify([SYSTEM, EARLY_HOOKS, HOOKS, OWN_FILES, NETWORK_FILES]);

/**
 * Builds a Debian machine in `folder` (exists, empty): `disk.raw` (sparse, one ext4 without partitions), `vmlinuz`, `initrd.img`. No loop
 * device, no mount: the filesystem is filled while it is made. Rejects `command-failed`, `no-space`, `invalid-argument` for a disk that is too small.
 */
export async function buildMachine(
  { host, removals, trees }: MachineBuilderParts,
  inputs: MachineInputs,
  folder: string,
  onProgress: ProgressSink,
  signal?: AbortSignal,
): Promise<void> {
  const [root, temporary] = [join(folder, 'root'), join(folder, 'tmp')];
  await mkdir(root, { mode: 0o755 });
  await mkdir(temporary, { mode: 0o755 });
  const call = signal === undefined ? {} : { signal };
  const say = (message: string) => onProgress({ phase: 'machine', message });
  const stream = bootstrapTar(host.exec, {
    suite: inputs.suite,
    packages: [...new Set([kernelPackage(), ...SYSTEM, ...inputs.packages])].toSorted(),
    dpkgOptions: [],
    earlyHooks: EARLY_HOOKS,
    hooks: HOOKS,
    temporary,
    onMessage: say,
    ...call,
  });
  await trees.extract(stream, root, { mode: 'plain', replace: true }, call);
  await trees.extract(
    packTar([...OWN_FILES, ...NETWORK_FILES, ...inputs.files].map(toMember)),
    root,
    { mode: 'plain' },
    call,
  );
  say('making the disk');
  await copyNewest(root, 'vmlinuz', join(folder, 'vmlinuz'));
  await copyNewest(root, 'initrd.img', join(folder, 'initrd.img'));
  await makeDisk(host, root, join(folder, 'disk.raw'), inputs.size, signal);
  for (const name of ['disk.raw', 'vmlinuz', 'initrd.img']) await host.files.fsync(join(folder, name));
  removals.discard(root);
  removals.discard(temporary);
}

async function makeDisk(
  host: Host,
  root: string,
  disk: string,
  size: number,
  signal?: AbortSignal,
): Promise<void> {
  await (await open(disk, 'wx', 0o600)).close();
  await truncate(disk, size);
  const options = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0';
  const command = ['mkfs.ext4', '-q', '-F', '-L', 'hull-machine', '-E', options, '-d', root, disk];
  try {
    await host.exec.must(command, { timeout: 20 * MINUTES, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (!isHullError(error, 'command-failed') || !/could not allocate/i.test(error.message)) throw error;
    throw new HullError(
      'invalid-argument',
      `a disk of ${size} bytes is too small for this machine; ask for more`,
      { cause: error },
    );
  }
}

/** The file of /boot with this prefix; the last in order of version, if there are several. */
async function copyNewest(root: string, prefix: string, target: string): Promise<void> {
  const names = readdirSync(join(root, 'boot')).filter((name) => name.startsWith(`${prefix}-`));
  const newest = names.toSorted(new Intl.Collator('en', { numeric: true }).compare).at(-1);
  if (newest === undefined) throw new HullError('kernel-not-found', `the machine has no ${prefix} in /boot`);
  await copyFile(join(root, 'boot', newest), target);
}

function kernelPackage(): string {
  const found = KERNELS[process.arch];
  if (found !== undefined) return found;
  throw new HullError(
    'not-supported',
    `no kernel package for machines is known for the architecture ${process.arch}`,
  );
}

function toMember({ path, text, mode }: MachineFile): TarInput {
  return { header: { name: path, type: 'file', mode, mtime: 0n }, body: new TextEncoder().encode(text) };
}

/** Bytes that a sparse file takes. */
export async function storedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}
