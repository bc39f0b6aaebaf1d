import { existsSync, rmdirSync, rmSync, statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { Rollback } from '../../lib/rollback.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';
import { Descriptors, type Jailer, startJailed } from './jail.ts';
import { endProcess } from './process-handle.ts';
import type { ProgramFiles } from './program-files.ts';
import { type ProcessHandle, runFiles } from './vm-record.ts';

/** A folder or file of the host's, offered to the guest by a virtiofsd of its own. */
export interface Share {
  readonly tag: string;
  readonly socket: string;
  /** Where the guest mounts it. */
  readonly target: string;
  /** Name inside the shared folder when it is a single file, else ''. */
  readonly file: string;
  readonly readOnly: boolean;
  readonly process: ProcessHandle;
}

/** Debian's QEMU 7 brings one in C, later ones are a program of their own (in Rust) with other options. */
const PROGRAMS = ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd', '/usr/lib/virtiofsd'];
/** A share's folder in the world of its virtiofsd is named after the VM and its tag, so that the process is found by its command. */
const folderOf = (name: string, tag: string): string => `/${name}/${tag}`;
/**
 * What virtiofsd keeps, for it acts on the shared folder as whoever acts in the guest: give files to anyone (CHOWN 0, FOWNER 3, FSETID 4, SETFCAP
 * 31, MKNOD 27), read and write them all as the guest's root does (DAC_OVERRIDE 1), become the user of a request (SETGID 6, SETUID 7); and,
 * until it has made the folder its root, SETPCAP 8 and SYS_CHROOT 18.
 */
const KEPT = [0, 1, 3, 4, 6, 7, 8, 18, 27, 31];

export interface ShareContext extends Jailer {
  readonly programFiles: ProgramFiles;
  /** `hull-<tag>-<id>` */
  readonly name: string;
}

/**
 * Starts the virtiofsd of one mount. Its world is that folder (or a folder with that file alone), read-only there where that was asked for: a guest
 * that remounts its own side gains nothing. What it says goes to the recorder, which runs already. It listens already when this resolves.
 */
export async function startShare(
  context: ShareContext,
  mount: InstanceMount,
  index: number,
  runDir: string,
  undo: Rollback,
): Promise<Share> {
  const { host } = context;
  if (!existsSync(mount.source)) {
    throw new HullError('invalid-argument', `the mount's source ${mount.source} does not exist on the host`);
  }
  const program = PROGRAMS.find((path) => host.exec.which(path) !== null);
  if (program === undefined) {
    throw new HullError(
      'host-tool-missing',
      'virtiofsd, which shares folders with a VM, is not installed; install it with: apt-get install qemu-system-common',
    );
  }
  const stats = statSync(mount.source);
  refuseHostsOwn(mount, stats);
  const { source, target, readOnly } = mount;
  const tag = `s${index}`;
  const file = stats.isDirectory() ? '' : basename(source);
  const folder = folderOf(context.name, tag);
  const socket = `${runDir}/${tag}.sock`;
  rmSync(socket, { force: true });
  const open = new Descriptors();
  const listener = open.add({ kind: 'listen', path: socket });
  const jail = {
    ...{ network: null, log: runFiles.sharesPipe(runDir), proc: true, keep: KEPT, descriptors: open.list },
    places: [
      ...(await context.programFiles.of(program)),
      {
        source,
        at: file === '' ? folder : `${folder}/${file}`,
        kind: readOnly ? ('share-read-only' as const) : ('share' as const),
      },
    ],
  };
  const process = await startJailed(context, jail, [program, ...programArguments(program, folder, listener)]);
  undo.defer('end virtiofsd', () => endProcess(host, process));
  return { tag, socket, target, file, readOnly, process };
}

/** `null`, `zero`, `random` and the like, which are the same in every kernel. */
const MEMORY_DEVICES = 1;

/** What only the host's kernel connects: inside, a socket has nobody behind it, and a device's number means another device. */
function refuseHostsOwn({ source, target }: InstanceMount, stats: Stats): void {
  const isDevice = stats.isBlockDevice() || (stats.isCharacterDevice() && stats.rdev >> 8 !== MEMORY_DEVICES);
  if (!isDevice && !stats.isSocket()) return;
  throw new HullError(
    'not-supported',
    `${source} is a ${isDevice ? 'device' : 'socket'} of the host's, which means nothing in a VM at ${target}; run a container, or connect over the network`,
    { details: { field: 'HostConfig.Binds' } },
  );
}

/** Its root becomes the folder: namespaces it has already. */
function programArguments(program: string, folder: string, listener: number): string[] {
  if (program === '/usr/lib/qemu/virtiofsd') {
    const options = `source=${folder},cache=auto,sandbox=chroot,xattr,max_idle_threads=1`;
    return ['-f', `--fd=${listener}`, '-o', options];
  }
  return [`--fd=${listener}`, `--shared-dir=${folder}`, '--cache=auto', '--sandbox=chroot', '--xattr'];
}

/** Unmounts what was exposed and removes the folder. Fine twice. */
export async function removeShareFolder(
  host: Pick<Host, 'mounts'>,
  folder: string,
  mounts: readonly string[],
): Promise<void> {
  for (const target of mounts) {
    await host.mounts.unmount(target);
    // Only ever an empty stand-in for the bound file: the mount is gone, or unmount would have thrown.
    if (target !== folder) rmSync(target, { force: true });
  }
  if (existsSync(folder)) rmdirSync(folder);
}
