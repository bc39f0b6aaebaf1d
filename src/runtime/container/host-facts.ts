import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { securityModules } from '../../host/host-limits.ts';
import { capabilitiesOf } from '../capabilities.ts';
import { defaultProfile } from './default-profile.ts';
import { type OciSeccomp, resolveSeccomp, type SeccompProfile } from './seccomp.ts';

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
  readonly #seccomp = new Map<string, OciSeccomp>();
  #modules: ReturnType<typeof securityModules> | null = null;

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

  /** What the kernel can confine processes with. */
  modules(): ReturnType<typeof securityModules> {
    return (this.#modules ??= securityModules());
  }

  /** The default profile for these capabilities; null where the kernel filters nothing, which the runtime's probe says. */
  seccomp(capabilities: readonly string[]): OciSeccomp | null {
    if (!this.modules().seccomp) return null;
    const key = capabilities.join();
    let resolved = this.#seccomp.get(key);
    if (resolved === undefined) {
      resolved = this.resolve(defaultProfile(), capabilities);
      this.#seccomp.set(key, resolved);
    }
    return resolved;
  }

  /** A profile for these capabilities on this machine. */
  resolve(profile: SeccompProfile, capabilities: readonly string[]): OciSeccomp {
    return resolveSeccomp(profile, { capabilities, architecture: process.arch, kernel: release() });
  }

  /** mount_setattr(2) came with Linux 5.12. */
  recursiveReadOnly(): boolean {
    const [major = 0, minor = 0] = release().split('.').map(Number);
    return major > 5 || (major === 5 && minor >= 12);
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
