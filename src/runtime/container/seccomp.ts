/** The profile format of Docker and containers-common: OCI's, with rules that depend on capabilities and architecture. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | null;
  }[];
  /** Instead of `archMap`. */
  readonly architectures?: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

interface SeccompCondition {
  readonly caps?: readonly string[] | null;
  readonly arches?: readonly string[] | null;
  readonly minKernel?: string;
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | null;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[] | null;
  readonly includes?: SeccompCondition | null;
  readonly excludes?: SeccompCondition | null;
}

/** `linux.seccomp` of the OCI runtime specification. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
  }[];
}

export interface SeccompTarget {
  readonly capabilities: readonly string[];
  /** Node's `process.arch`. */
  readonly architecture: string;
  /** Node's `os.release()`. */
  readonly kernel: string;
}

const ARCHITECTURES: Readonly<Record<string, { readonly oci: string; readonly docker: string }>> = {
  x64: { oci: 'SCMP_ARCH_X86_64', docker: 'amd64' },
  arm64: { oci: 'SCMP_ARCH_AARCH64', docker: 'arm64' },
};

/**
 * Reads a profile: Docker's, or a plain one of the OCI's with `architectures`, with or without rules. Throws a SyntaxError when it is none; what the
 * rules say is the runtime's to judge.
 */
export function parseSeccompProfile(text: string): SeccompProfile {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('defaultAction' in value))
    throw new SyntaxError('no seccomp profile: defaultAction is missing');
  const given: unknown = 'syscalls' in value ? value.syscalls : [];
  const rules: unknown[] = Array.isArray(given) ? given : [];
  return { ...(value as unknown as SeccompProfile), syscalls: rules.flatMap(readRule) };
}

/** `name` is the form of old profiles. */
function readRule(rule: unknown): SeccompRule[] {
  if (typeof rule !== 'object' || rule === null) return [];
  if ('names' in rule && Array.isArray(rule.names)) return [rule as SeccompRule];
  return 'name' in rule ? [{ ...(rule as unknown as SeccompRule), names: [String(rule.name)] }] : [];
}

/** Resolves the conditions for one container. */
export function resolveSeccomp(profile: SeccompProfile, target: SeccompTarget): OciSeccomp {
  const names = ARCHITECTURES[target.architecture];
  const mapped = profile.archMap?.find(({ architecture }) => architecture === names?.oci);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures:
      mapped === undefined
        ? (profile.architectures ?? [])
        : [mapped.architecture, ...(mapped.subArchitectures ?? [])],
    syscalls: profile.syscalls
      .filter((rule) => applies(rule, { ...target, architecture: names?.docker ?? target.architecture }))
      .map(({ names: calls, action, errnoRet, args }) => ({
        names: calls,
        action,
        ...(typeof errnoRet === 'number' ? { errnoRet } : {}),
        ...(args !== null && args !== undefined && args.length > 0 ? { args } : {}),
      })),
  };
}

/** Includes: every given condition must hold; excludes: none may (containers-common, pkg/seccomp/conversion). */
function applies({ includes, excludes }: SeccompRule, target: SeccompTarget): boolean {
  const { capabilities, architecture, kernel } = target;
  const wanted = includes ?? {};
  const banned = excludes ?? {};
  if (wanted.arches?.length && !wanted.arches.includes(architecture)) return false;
  if (wanted.caps?.length && !wanted.caps.every((name) => capabilities.includes(name))) return false;
  if (wanted.minKernel !== undefined && !kernelAtLeast(kernel, wanted.minKernel)) return false;
  if (banned.arches?.includes(architecture) === true) return false;
  if (banned.caps?.some((name) => capabilities.includes(name)) === true) return false;
  return banned.minKernel === undefined || !kernelAtLeast(kernel, banned.minKernel);
}

function kernelAtLeast(kernel: string, minimum: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = minimum.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
