import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { basename, dirname } from 'node:path';
import { HullError } from '../model/errors.ts';
import type { Exec, MountEntry, Mounts, OverlayOptions } from './host.ts';
import { cString, Libc, SyscallError } from './libc.ts';

const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MNT_DETACH = 2;
/** The kernel takes one page of options. */
const MAX_OPTIONS = 4095;
/** Up to here paths stay readable in /proc/mounts. */
const COMFORTABLE_OPTIONS = 2048;
const O_PATH = 0o10000000;

/** mount(2) by FFI. */
export class LinuxMounts implements Mounts {
  readonly #libc: Libc;
  readonly #exec: Exec;
  /** Mounts made here that detach in microseconds. */
  readonly #quick = new Set<string>();

  constructor(libc: Libc, exec: Exec) {
    this.#libc = libc;
    this.#exec = exec;
  }

  overlay(target: string, options: OverlayOptions): void {
    const writable = options.upper !== undefined && options.work !== undefined;
    const [only] = options.lower;
    if (!writable && only !== undefined && options.lower.length === 1)
      return this.bind(only, target, { readOnly: true });
    this.#withShortLower(options.lower, (lower) => {
      const parts = [`lowerdir=${lower.map(escapeLower).join(':')}`];
      if (writable)
        parts.push(`upperdir=${escapeOption(options.upper)}`, `workdir=${escapeOption(options.work)}`);
      // Layers must mean the same on every kernel, whatever its defaults are.
      parts.push('redirect_dir=off', 'metacopy=off', 'index=off');
      if (options.volatile === true && writable) parts.push('volatile');
      this.mount('overlay', target, 'overlay', parts.join(','));
    });
    if (options.volatile === true || !writable) this.#quick.add(target);
  }

  bind(source: string, target: string, options: { readOnly?: boolean; recursive?: boolean } = {}): void {
    const recursive = options.recursive === true ? MS_REC : 0;
    this.#mount(source, target, '', MS_BIND | recursive, '');
    if (options.readOnly === true) this.#mount('', target, '', MS_BIND | MS_REMOUNT | MS_RDONLY, '');
    this.#quick.add(target);
  }

  mount(source: string, target: string, type: string, options = ''): void {
    if (options.length > MAX_OPTIONS) {
      throw new HullError(
        'invalid-argument',
        `too many layers for one overlay mount (${options.length} bytes of options, the kernel takes ${MAX_OPTIONS})`,
      );
    }
    this.#mount(source, target, type, 0, options);
  }

  async unmount(target: string): Promise<void> {
    if (this.#quick.delete(target)) return this.detach(target);
    if (!this.list().some((entry) => entry.target === target)) return;
    // Detaching a synced overlay can take 80 ms: not on the event loop.
    const result = await this.#exec.run(['umount', '-l', '--', target]);
    if (result.code !== 0 && this.list().some((entry) => entry.target === target)) {
      throw new HullError('command-failed', `cannot unmount ${target}: ${result.stderr.trim()}`);
    }
  }

  detach(target: string): void {
    if (this.#libc.symbols.umount2(cString(target), MNT_DETACH) === 0) return;
    const errno = this.#libc.errno();
    if (errno === osConstants.errno.EINVAL || errno === osConstants.errno.ENOENT) return;
    throw new SyscallError('umount2', errno, target);
  }

  list(): MountEntry[] {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  }

  /** Many layers in one folder are named through its descriptor: the kernel takes all their paths in one page. */
  #withShortLower(lower: readonly string[], work: (lower: readonly string[]) => void): void {
    const folder = dirname(lower[0] ?? '/');
    const together = lower.every((path) => dirname(path) === folder);
    if (!together || lower.join(':').length < COMFORTABLE_OPTIONS) return work(lower);
    const descriptor = openSync(folder, O_PATH | constants.O_DIRECTORY);
    try {
      work(lower.map((path) => `/proc/self/fd/${descriptor}/${basename(path)}`));
    } finally {
      closeSync(descriptor);
    }
  }

  #mount(source: string, target: string, type: string, flags: number, options: string): void {
    const result = this.#libc.symbols.mount(
      cString(source),
      cString(target),
      cString(type),
      BigInt(flags),
      cString(options),
    );
    this.#libc.check('mount', result, `${type === '' ? 'bind' : type} on ${target}`);
  }
}

/** Parses /proc/self/mountinfo (proc(5)); octal escapes are undone. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ', 2);
    if (left === undefined || right === undefined) continue;
    const target = left.split(' ')[4] ?? '';
    const [type = '', source = '', options = ''] = right.split(' ');
    entries.push({ target: unescapeOctal(target), type, source: unescapeOctal(source), options });
  }
  return entries;
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function escapeOption(path: string | undefined): string {
  return (path ?? '').replaceAll(/[\\,]/g, String.raw`\$&`);
}

function escapeLower(path: string): string {
  return path.replaceAll(/[\\,:]/g, String.raw`\$&`);
}
