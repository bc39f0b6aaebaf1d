import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import type { Rollback } from '../../lib/rollback.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { ProcessHandle } from './vm-record.ts';
import { endProcess, handleOf } from './process-handle.ts';

/** A folder or file of the host's, offered to the guest by a virtiofsd of its own. */
export interface Share {
  readonly tag: string;
  readonly socket: string;
  /** Where the guest mounts it. */
  readonly target: string;
  /** Name inside the shared folder when it is a single file, else ''. */
  readonly file: string;
  readonly readOnly: boolean;
  /** Host mount points, to be unmounted afterwards. */
  readonly mounts: readonly string[];
  readonly process: ProcessHandle;
}

/** Debian's QEMU 7 brings one in C, later ones are a program of their own (in Rust) with other options. */
const PROGRAMS = ['/usr/libexec/virtiofsd', '/usr/lib/qemu/virtiofsd', '/usr/lib/virtiofsd'];
const START_DEADLINE = 5_000;

/** The file shared with nothing beside it: a folder that holds a bind of it alone. */
function exposeFile(
  host: Pick<Host, 'mounts'>,
  mount: InstanceMount,
  folder: string,
): { file: string; mounts: string[] } {
  const file = basename(mount.source);
  writeFileSync(`${folder}/${file}`, '');
  host.mounts.bind(mount.source, `${folder}/${file}`, { readOnly: mount.readOnly });
  return { file, mounts: [`${folder}/${file}`] };
}

/**
 * Starts the virtiofsd of one mount. What it serves is a bind of the source, read-only on the host where that was asked for: a guest that
 * remounts its own side gains nothing.
 */
export async function startShare(
  host: Host,
  mount: InstanceMount,
  index: number,
  runDir: string,
  undo: Rollback,
): Promise<Share> {
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
  const folder = `${runDir}/s${index}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const exposed = stats.isDirectory() ? exposeFolder(host, mount, folder) : exposeFile(host, mount, folder);
  undo.defer(`unmount ${folder}`, () => removeShareFolder(host, folder, exposed.mounts));
  const socket = `${runDir}/s${index}.sock`;
  const process = await startProgram(host, program, folder, socket, undo);
  const { target, readOnly } = mount;
  return { tag: `s${index}`, socket, target, file: exposed.file, readOnly, mounts: exposed.mounts, process };
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

function exposeFolder(
  host: Pick<Host, 'mounts'>,
  mount: InstanceMount,
  folder: string,
): { file: string; mounts: string[] } {
  host.mounts.bind(mount.source, folder, { readOnly: mount.readOnly, recursive: true });
  return { file: '', mounts: [folder] };
}

async function startProgram(
  host: Host,
  program: string,
  folder: string,
  socket: string,
  undo: Rollback,
): Promise<ProcessHandle> {
  rmSync(socket, { force: true });
  const log = openSync(`${socket}.log`, 'w');
  const child = host.exec.spawn([program, ...programArguments(program, folder, socket)], {
    detached: true,
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  const handle = handleOf(host, child.pid);
  undo.defer('end virtiofsd', () => endProcess(host, handle));
  for (const deadline = Date.now() + START_DEADLINE; !existsSync(socket); await sleep(3)) {
    if (!host.processes.alive(child.pid) || Date.now() > deadline) {
      throw new HullError(
        'start-failed',
        `virtiofsd did not start: ${readFileSync(`${socket}.log`, 'utf8').trim().slice(-500)}`,
      );
    }
  }
  return handle;
}

function programArguments(program: string, folder: string, socket: string): string[] {
  if (program === '/usr/lib/qemu/virtiofsd') {
    return [
      '-f',
      `--socket-path=${socket}`,
      '-o',
      `source=${folder},cache=auto,sandbox=namespace,xattr,max_idle_threads=1`,
    ];
  }
  return [
    `--socket-path=${socket}`,
    `--shared-dir=${folder}`,
    '--cache=auto',
    '--sandbox=namespace',
    '--xattr',
  ];
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
