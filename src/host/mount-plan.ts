import { HullError } from '../model/errors.ts';
import { cString, Libc } from './libc.ts';

const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const [MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED] = [1 << 17, 1 << 18, 1 << 19, 1 << 20];
const PROPAGATION = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;

/** What mount(2) is called with. */
export interface MountPlan {
  readonly source: string;
  readonly type: string;
  readonly flags: number;
  /** Options for the file system itself. */
  readonly data: string;
}

/** mount(8)'s words for the kernel's flags: bits to set, bits to take away. Everything else is the file system's own option. */
const FLAGS: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  defaults: [0, 0],
  ro: [MS_RDONLY, 0],
  rw: [0, MS_RDONLY],
  nosuid: [2, 0],
  suid: [0, 2],
  nodev: [4, 0],
  dev: [0, 4],
  noexec: [8, 0],
  exec: [0, 8],
  sync: [16, 0],
  async: [0, 16],
  mand: [64, 0],
  nomand: [0, 64],
  dirsync: [128, 0],
  noatime: [1024, 0],
  atime: [0, 1024],
  nodiratime: [2048, 0],
  diratime: [0, 2048],
  bind: [MS_BIND, 0],
  rbind: [MS_BIND | MS_REC, 0],
  relatime: [1 << 21, 0],
  norelatime: [0, 1 << 21],
  strictatime: [1 << 24, 0],
  nostrictatime: [0, 1 << 24],
  unbindable: [MS_UNBINDABLE, 0],
  runbindable: [MS_UNBINDABLE | MS_REC, 0],
  private: [MS_PRIVATE, 0],
  rprivate: [MS_PRIVATE | MS_REC, 0],
  slave: [MS_SLAVE, 0],
  rslave: [MS_SLAVE | MS_REC, 0],
  shared: [MS_SHARED, 0],
  rshared: [MS_SHARED | MS_REC, 0],
};

/** Splits `rw,addr=10.0.0.1,nodev` as mount(8) would; later words win. */
export function parseMountOptions(text: string): { readonly flags: number; readonly data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const word of text.split(',')) {
    const found = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    if (found !== undefined) flags = (flags & ~found[1]) | found[0];
    else if (word !== '') data.push(word);
  }
  return { flags, data: data.join(',') };
}

/** May this mount take long, because something else than the kernel has to answer? */
export function mayBlock({ type, flags }: MountPlan): boolean {
  return type !== 'tmpfs' && (flags & MS_BIND) === 0;
}

/** Carries a plan out. Throws a SyscallError. Blocks while a server or a disk is asked: see `mount-process.ts`. */
export function carryOutMount(plan: MountPlan, target: string, libc: Libc = new Libc()): void {
  const { source, type, data } = plan;
  const own = plan.flags & ~PROPAGATION;
  if (data.length > 4095) throw new HullError('invalid-argument', 'the mount options are too long');
  const call = (from: string, kind: string, flags: number, options: string): void => {
    const result = libc.symbols.mount(
      cString(from),
      cString(target),
      cString(kind),
      BigInt(flags),
      cString(options),
    );
    libc.check('mount', result, `${source} on ${target}`);
  };
  call(source, type, own, data);
  if ((plan.flags & PROPAGATION) !== 0) call('', '', plan.flags & (PROPAGATION | MS_REC), '');
  // A bind takes over what it binds, read-only only when it is changed afterwards.
  if ((own & MS_BIND) !== 0 && (own & MS_RDONLY) !== 0) call('', '', own | MS_REMOUNT, data);
}
