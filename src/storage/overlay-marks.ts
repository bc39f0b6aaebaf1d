import { mkdirSync, unlinkSync, type BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import type { TreeSyscalls } from '../host/tree-syscalls.ts';
import { TarError } from '../lib/tar/types.ts';
import { joinPath, lookAt, parentOf } from './tree-paths.ts';

/** Names of OCI layers (image-spec, layer.md, "Whiteouts"). */
export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_NAME = '.wh..wh..opq';
/** Names of the union filesystem that the format comes from: private to it. */
const PRIVATE_PREFIX = '.wh..wh.';

export const OPAQUE_XATTR = 'trusted.overlay.opaque';
const YES = new TextEncoder().encode('y');

/** Attributes that overlayfs keeps for itself: they never travel, and never come in from an archive. */
export function isOverlayXattr(name: string): boolean {
  return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

/** Is it overlayfs's mark for a deleted name: a character device 0:0? */
export function isWhiteout(facts: BigIntStats): boolean {
  return facts.isCharacterDevice() && facts.rdev === 0n;
}

/** Turns a layer's whiteout members into overlayfs's marks. They hide what lower layers have, never what the same layer has. */
export class OverlayMarks {
  readonly #syscalls: TreeSyscalls;

  constructor(syscalls: TreeSyscalls) {
    this.#syscalls = syscalls;
  }

  /** Handles a member whose name is a whiteout's; false when it is an ordinary one. `makeParents` makes a folder and those above it. */
  apply(path: string, makeParents: (folder: string) => void): boolean {
    if (!path.includes(`/${WHITEOUT_PREFIX}`)) return false;
    const parts = path.split('/');
    const name = parts.at(-1) ?? '';
    const folder = parentOf(path);
    if (name === OPAQUE_NAME) {
      makeParents(folder);
      this.makeOpaque(folder);
      return true;
    }
    if (parts.some((part) => part.startsWith(PRIVATE_PREFIX))) return true;
    if (parts.slice(0, -1).some((part) => part.startsWith(WHITEOUT_PREFIX)))
      throw new TarError(`the layer has a member below a whiteout: ${path}`);
    if (!name.startsWith(WHITEOUT_PREFIX)) return false;
    const hidden = name.slice(WHITEOUT_PREFIX.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw new TarError(`the layer has a whiteout without a name: ${path}`);
    makeParents(folder);
    this.#hide(joinPath(folder, hidden));
    return true;
  }

  /** Makes a folder where a whiteout is; what lower layers have below it stays hidden. */
  replaceByFolder(path: string): void {
    unlinkSync(this.#syscalls.paths.near(path));
    mkdirSync(this.#syscalls.paths.near(path), 0o755);
    this.makeOpaque(path);
  }

  makeOpaque(folder: string): void {
    this.#syscalls.setXattr(folder, OPAQUE_XATTR, YES);
  }

  #hide(path: string): void {
    const found = lookAt(path, this.#syscalls.paths);
    if (found === null) this.#syscalls.makeNode(path, constants.S_IFCHR, 0);
    else if (found.isDirectory()) this.makeOpaque(path);
  }
}
