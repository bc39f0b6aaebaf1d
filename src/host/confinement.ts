import { dlopen, FFIType } from 'bun:ffi';
import { cString, Libc } from './libc.ts';

const { i32, i64, u32, u64, pointer } = FFIType;
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;
const MS_REC = 16384;
const MS_BIND = 4096;
const MS_PRIVATE = 1 << 18;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const SYS_MOUNT_SETATTR = 442n;
const AT_FDCWD = -100n;
const AT_EMPTY_PATH = 0x1000n;
const AT_RECURSIVE = 0x8000n;
const MOUNT_ATTR_RDONLY = 0x1n;
const MOUNT_ATTR_NOSUID = 0x2n;
const MOUNT_ATTR_NODEV = 0x4n;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
/** _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x2008_0522;

/** What reading or writing any file takes (capabilities(7)). */
export const FILE_CAPABILITIES = {
  /** Everything may be read, and looked through. */
  read: [2],
  /** Everything may be written, given to anyone, made a device or a program with capabilities. */
  write: [0, 1, 2, 3, 4, 27, 31],
} as const;

function open() {
  return dlopen('libc.so.6', {
    syscall: { args: [i64, i64, pointer, i64, pointer, i64], returns: i64 },
    capset: { args: [pointer, pointer], returns: i32 },
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
    chdir: { args: [pointer], returns: i32 },
    umount2: { args: [pointer, u32], returns: i32 },
  }).symbols;
}

/**
 * What makes one folder, or an instance's own mounts, the whole world of the calling thread. For processes of their own: there is no way back.
 * Only the calling thread is confined: never use asynchronous file functions afterwards.
 */
export class Confinement {
  readonly #libc = new Libc();
  readonly #symbols = open();

  /** A mount namespace of its own, from which no mount gets out and into which none comes. */
  ownMounts(): void {
    this.#libc.check('unshare', this.#libc.symbols.unshare(CLONE_NEWNS), 'mount namespace');
    this.#mount('none', '/', MS_REC | MS_PRIVATE);
  }

  /** A copy of the mounts of a namespace, given as a descriptor: what is done to it is not seen there. The root is the namespace's own. */
  copyMountsOf(namespace: number): void {
    this.#libc.check('unshare', this.#libc.symbols.unshare(CLONE_FS), 'file system attributes');
    this.#libc.check('setns', this.#libc.symbols.setns(namespace, CLONE_NEWNS), 'mount namespace');
    this.ownMounts();
    this.#libc.check('chdir', this.#symbols.chdir(cString('/')), '/');
  }

  bind(source: string, target: string, { recursive = false }: { recursive?: boolean } = {}): void {
    this.#mount(source, target, MS_BIND | (recursive ? MS_REC : 0));
  }

  mount(type: string, target: string, options: string): void {
    this.#libc.check(
      'mount',
      this.#libc.symbols.mount(cString(type), cString(target), cString(type), 0n, cString(options)),
      target,
    );
  }

  /** Takes a mount and all below it out of sight; fine when there is none. A link is not followed. */
  detach(target: string): void {
    this.#symbols.umount2(cString(target), MNT_DETACH | UMOUNT_NOFOLLOW);
  }

  /** Makes what is mounted at `target`, a path or a descriptor, read-only with all below it. */
  makeReadOnly(target: string | number): void {
    this.#setAttributes(target, MOUNT_ATTR_RDONLY);
  }

  /** No device can be opened and no program gains rights on what is mounted at `/` and below: made, read and copied they can be. */
  disarmMounts(): void {
    this.#setAttributes('/', MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
  }

  /** Makes a folder, its own mounts left out, the root. */
  enter(root: string): void {
    // On itself, so that it is a mount whose attributes can be set.
    this.bind(root, root);
    this.chroot(root);
  }

  chroot(root: string): void {
    this.#libc.check('chroot', this.#libc.symbols.chroot(cString(root)), root);
    this.#libc.check('chdir', this.#symbols.chdir(cString('/')), '/');
  }

  /** Keeps these capabilities alone, and hides this process from those that it works for. */
  dropPrivileges(keep: readonly number[]): void {
    this.#libc.check('prctl', this.#symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), 'no new privileges');
    this.#libc.check('prctl', this.#symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n), 'dumpable');
    const mask = keep.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);
    const [low, high] = [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
    const header = new Uint32Array([CAPABILITY_VERSION, 0]);
    const data = new Uint32Array([low, low, 0, high, high, 0]);
    this.#libc.check('capset', this.#symbols.capset(header, data), 'capabilities');
  }

  #mount(source: string, target: string, flags: number): void {
    const { mount } = this.#libc.symbols;
    this.#libc.check(
      'mount',
      mount(cString(source), cString(target), cString(''), BigInt(flags), null),
      target,
    );
  }

  #setAttributes(target: string | number, attributes: bigint): void {
    const settings = new BigUint64Array([attributes, 0n, 0n, 0n]);
    const [folder, path, flags] =
      typeof target === 'number'
        ? [BigInt(target), '', AT_RECURSIVE | AT_EMPTY_PATH]
        : [AT_FDCWD, target, AT_RECURSIVE];
    const result = this.#symbols.syscall(
      SYS_MOUNT_SETATTR,
      folder,
      cString(path),
      flags,
      settings,
      BigInt(settings.byteLength),
    );
    this.#libc.check('mount_setattr', result, String(target));
  }
}
