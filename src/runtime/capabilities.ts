import { HullError } from '../model/errors.ts';

/** Linux capabilities in the order of their numbers (capability.h). */
export const ALL_CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** What Docker leaves to a container (moby, oci/caps/defaults.go). */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/**
 * The capabilities of a container by Docker's rules: `ALL` in either list, additions after removals, `CAP_` optional, any case. Those that the
 * host itself does not have (`held`) are left out: a runtime refuses to grant them.
 */
export function resolveCapabilities(
  request: { capAdd: readonly string[]; capDrop: readonly string[]; privileged: boolean },
  held: ReadonlySet<string>,
): string[] {
  const add = request.capAdd.map(capabilityName);
  const drop = request.capDrop.map(capabilityName);
  if (request.privileged) return ALL_CAPABILITIES.filter((name) => held.has(name));
  const base: readonly string[] = add.includes('ALL')
    ? ALL_CAPABILITIES
    : drop.includes('ALL')
      ? []
      : DEFAULT_CAPABILITIES;
  const wanted = new Set(base.filter((name) => !drop.includes(name)));
  for (const name of add) if (name !== 'ALL') wanted.add(name);
  return ALL_CAPABILITIES.filter((name) => wanted.has(name) && held.has(name));
}

/** Throws `invalid-argument` in Docker's words for a name that is no capability. */
export function checkCapabilities(field: 'CapAdd' | 'CapDrop', wanted: readonly string[]): void {
  for (const name of wanted) {
    const upper = name.toUpperCase();
    const full = upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (full === 'ALL' || (ALL_CAPABILITIES as readonly string[]).includes(full)) continue;
    throw new HullError('invalid-argument', `invalid ${field}: unknown capability: ${JSON.stringify(full)}`);
  }
}

/** Names of the bits of a mask as /proc/PID/status has it (`CapBnd`, hexadecimal). */
export function capabilitiesOf(mask: string): Set<string> {
  if (!/^[0-9a-f]{1,16}$/i.test(mask)) return new Set();
  const bits = BigInt(`0x${mask}`);
  return new Set(ALL_CAPABILITIES.filter((_, number) => (bits >> BigInt(number)) & 1n));
}

/** `ALL`, or the name as the kernel has it. Throws `invalid-argument` for what is none. */
export function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if ((ALL_CAPABILITIES as readonly string[]).includes(full)) return full;
  throw new HullError(
    'invalid-argument',
    `unknown capability ${JSON.stringify(name)}; capabilities(7) lists them`,
  );
}
