import { closeSync, constants, mkdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { Confinement, FILE_CAPABILITIES } from '../../host/confinement.ts';
import { createHost } from '../../host/index.ts';
import type { Files, Host } from '../../host/host.ts';
import { isHullError } from '../../model/errors.ts';
import type { FilesView, ViewMount } from './files.ts';

/** Descriptor of the mount namespace of a `process` view. */
const NAMESPACE_DESCRIPTOR = 3;
const O_PATH = 0o10000000;
/** Filesystems of the kernel's own: no files that anyone wants copied, and some without end. Docker's daemon never sees them. */
const SYSTEM_MOUNTS = ['/proc', '/sys', '/dev'];

/** Makes the view this process's whole world, and gives up what its work does not take. */
export function enterView(view: FilesView, access: 'read' | 'write'): void {
  const confinement = new Confinement();
  if (view.kind === 'process') enterNamespace(confinement, view.mounts);
  else if (view.kind === 'folder') enterFolder(confinement, view);
  else enterLayers(confinement, view);
  confinement.disarmMounts();
  // Overlayfs's marks can be read by nobody else; there, nobody but this process is at work.
  if (view.kind !== 'layers') confinement.dropPrivileges(FILE_CAPABILITIES[access]);
}

function enterNamespace(confinement: Confinement, mounts: readonly ViewMount[]): void {
  confinement.copyMountsOf(NAMESPACE_DESCRIPTOR);
  closeSync(NAMESPACE_DESCRIPTOR);
  for (const path of SYSTEM_MOUNTS)
    if (!mounts.some(({ target }) => target === path)) confinement.detach(path);
}

function enterFolder(confinement: Confinement, { root, mounts }: FilesView & { kind: 'folder' }): void {
  const { files } = createHost();
  confinement.ownMounts();
  confinement.bind(root, root);
  const byDepth = mounts.toSorted((a, b) => a.target.split('/').length - b.target.split('/').length);
  for (const mount of byDepth) if (mount.source !== '') bindInRoot(confinement, files, root, mount);
  confinement.chroot(root);
}

/** Paths below the root are resolved by descriptor: what lies there is the instance's, links and all. */
function bindInRoot(confinement: Confinement, files: Files, root: string, mount: ViewMount): void {
  const facts = statSync(mount.source, { throwIfNoEntry: false });
  // A bind whose source is gone cannot be started either; the rest can still be copied.
  if (facts === undefined) return;
  const target = openTarget(files, root, mount.target, facts.isDirectory());
  try {
    confinement.bind(mount.source, `/proc/self/fd/${target}`, { recursive: true });
  } finally {
    closeSync(target);
  }
  if (!mount.readOnly) return;
  const mounted = files.openInRoot(root, mount.target, O_PATH);
  try {
    confinement.makeReadOnly(mounted);
  } finally {
    closeSync(mounted);
  }
}

/** The place of a mount, made where absent, as a start would make it. */
function openTarget(files: Files, root: string, target: string, folder: boolean): number {
  try {
    return files.openInRoot(root, target, O_PATH);
  } catch (error) {
    if (!isHullError(error, 'path-not-found')) throw error;
  }
  files.mkdirInRoot(root, folder ? target : posix.dirname(target), 0o755);
  if (folder) return files.openInRoot(root, target, O_PATH);
  return files.openInRoot(root, target, constants.O_RDONLY | constants.O_CREAT, 0o755);
}

function enterLayers(
  confinement: Confinement,
  { upper, lower, scratch }: FilesView & { kind: 'layers' },
): void {
  const host: Host = createHost();
  confinement.ownMounts();
  confinement.mount('tmpfs', scratch, 'size=64k,mode=700');
  for (const name of ['upper', 'lower']) mkdirSync(`${scratch}/${name}`);
  confinement.bind(upper, `${scratch}/upper`);
  const [only] = lower;
  if (lower.length > 1) host.mounts.overlay(`${scratch}/lower`, { lower });
  else if (only !== undefined) confinement.bind(only, `${scratch}/lower`);
  confinement.makeReadOnly(scratch);
  confinement.chroot(scratch);
}
