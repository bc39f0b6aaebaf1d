import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { capabilitiesOf } from '../capabilities.ts';
import type { OciDevice } from './oci.ts';
import { type OciSeccomp, parseSeccompProfile, resolveSeccomp, type SeccompProfile } from './seccomp.ts';

const PROFILE_PATHS = ['/etc/containers/seccomp.json', '/usr/share/containers/seccomp.json'];
const INIT_PROGRAMS = [
  '/usr/bin/docker-init',
  '/usr/libexec/docker/docker-init',
  '/usr/bin/tini-static',
  '/usr/bin/catatonit',
];

/** What stays the same on a host while the daemon runs; read once, when first needed. */
export class HostFacts {
  #capabilities: ReadonlySet<string> | null = null;
  #maxOpenFiles: number | null = null;
  #profile: SeccompProfile | null | undefined;
  readonly #seccomp = new Map<string, OciSeccomp | null>();

  /** The engine's own bounding set: no more can be given. */
  capabilities(): ReadonlySet<string> {
    this.#capabilities ??= capabilitiesOf(
      /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '',
    );
    return this.#capabilities;
  }

  /** Raising the hard limit of open files needs CAP_SYS_RESOURCE. */
  maxOpenFiles(): number {
    this.#maxOpenFiles ??= this.capabilities().has('CAP_SYS_RESOURCE')
      ? Number.MAX_SAFE_INTEGER
      : hardOpenFiles(readFileSync('/proc/self/limits', 'utf8'));
    return this.#maxOpenFiles;
  }

  /** The default profile for these capabilities; null when the host has none. */
  seccomp(capabilities: readonly string[]): OciSeccomp | null {
    if (this.#profile === undefined) {
      const path = PROFILE_PATHS.find((candidate) => existsSync(candidate));
      this.#profile = path === undefined ? null : parseSeccompProfile(readFileSync(path, 'utf8'));
    }
    const key = capabilities.join();
    let resolved = this.#seccomp.get(key);
    if (resolved === undefined) {
      const target = { capabilities, architecture: process.arch, kernel: release() };
      resolved = this.#profile === null ? null : resolveSeccomp(this.#profile, target);
      this.#seccomp.set(key, resolved);
    }
    return resolved;
  }

  /** A static init program; null when none is installed. */
  initProgram(): string | null {
    return INIT_PROGRAMS.find((candidate) => existsSync(candidate)) ?? null;
  }
}

/** Hard limit of `Max open files` in /proc/PID/limits. */
export function hardOpenFiles(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return hard === undefined || hard === 'unlimited' ? 1_048_576 : Number(hard);
}

/** Device nodes of the host's /dev, for privileged containers; terminals and what the runtime makes itself left out. */
export function hostDevices(folder = '/dev'): OciDevice[] {
  const own = new Set([
    'pts',
    'shm',
    'fd',
    'mqueue',
    'console',
    'ptmx',
    'null',
    'zero',
    'full',
    'tty',
    'random',
    'urandom',
  ]);
  const found: OciDevice[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (folder === '/dev' && own.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...hostDevices(path));
    else if (entry.isCharacterDevice() || entry.isBlockDevice()) found.push(deviceOf(path));
  }
  return found;
}

function deviceOf(path: string): OciDevice {
  const { rdev, mode, uid, gid, isBlockDevice } = deviceStat(path);
  return { path, type: isBlockDevice ? 'b' : 'c', ...deviceNumbers(rdev), fileMode: mode & 0o7777, uid, gid };
}

function deviceStat(path: string) {
  const facts = statSync(path);
  return {
    rdev: facts.rdev,
    mode: facts.mode,
    uid: facts.uid,
    gid: facts.gid,
    isBlockDevice: facts.isBlockDevice(),
  };
}

/** makedev(3) the other way round. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn & 0xffff_ffffn)),
    minor: Number((value & 0xffn) | ((value >> 12n) & ~0xffn & 0xffff_ffffn)),
  };
}
