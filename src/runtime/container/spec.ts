import type { ProcessSpec } from '../../model/instance.ts';
import type { Resources } from '../../model/resources.ts';
import type { Bundle } from '../runtime.ts';
import type { OciDevice, OciDeviceRule, OciProcess, OciResources, OciSpec } from './oci.ts';
import { type OciSeccomp } from './seccomp.ts';
import { buildMounts, INIT_PATH } from './spec-mounts.ts';
import type { ResolvedUser } from './user.ts';

/** What the host decides about a container, beside its bundle. */
export interface SpecFacts {
  readonly rootPath: string;
  /** `hull-<tag>/<id>`, below every hierarchy's root. */
  readonly cgroupPath: string;
  readonly user: ResolvedUser;
  readonly capabilities: readonly string[];
  /** Null: unconfined. */
  readonly seccomp: OciSeccomp | null;
  /** The host's hard limit of open files: what the engine does not have it cannot give. */
  readonly maxOpenFiles: number;
  /** A static init program on the host; null when the bundle asks for none. */
  readonly initProgram: string | null;
  /** The host's devices, for privileged containers. */
  readonly hostDevices: readonly OciDevice[];
  /** Can the kernel limit swap? Else only a wish for it is refused. */
  readonly swapLimit: boolean;
}

const OPEN_FILES = 1_048_576;
const CPU_PERIOD = 100_000;

/** Paths that tell about or change the host (moby, oci/defaults.go). */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The OCI configuration of a container: Docker's defaults, the bundle's wishes. Pure. */
export function buildSpec(bundle: Bundle, facts: SpecFacts): OciSpec {
  const spec = buildProcess(bundle.process, facts);
  return {
    ociVersion: '1.0.2',
    process: bundle.init ? { ...spec, args: [INIT_PATH, '--', ...spec.args] } : spec,
    root: { path: facts.rootPath, readonly: bundle.readOnlyRoot },
    hostname: bundle.hostname,
    ...(bundle.domainname === '' ? {} : { domainname: bundle.domainname }),
    mounts: buildMounts(bundle, facts.initProgram),
    linux: {
      namespaces: namespaces(bundle),
      cgroupsPath: `/${facts.cgroupPath}`,
      resources: buildResources(bundle.resources, bundle.privileged, facts.swapLimit),
      ...(bundle.privileged
        ? { devices: facts.hostDevices }
        : { maskedPaths: MASKED_PATHS, readonlyPaths: READ_ONLY_PATHS }),
      ...(facts.seccomp === null || bundle.privileged ? {} : { seccomp: facts.seccomp }),
      // Ports below 1024 and ping need no capability inside, as Docker has it.
      ...(bundle.network.mode === 'host'
        ? {}
        : {
            sysctl: {
              'net.ipv4.ip_unprivileged_port_start': '0',
              'net.ipv4.ping_group_range': '0 2147483647',
            },
          }),
    },
  };
}

/** The process part alone: what an exec needs too. */
export function buildProcess(
  process: ProcessSpec,
  facts: Pick<SpecFacts, 'user' | 'capabilities' | 'maxOpenFiles'>,
): OciProcess {
  const { user, capabilities } = facts;
  // Another user than root has them only by file capabilities: what execve(2) would leave.
  const effective = user.uid === 0 ? capabilities : [];
  const files = Math.min(OPEN_FILES, facts.maxOpenFiles);
  return {
    terminal: process.tty,
    ...(process.tty && process.size !== undefined
      ? { consoleSize: { height: process.size.rows, width: process.size.columns } }
      : {}),
    // The primary group among them: else a file that denies the group could be opened as "others" (CVE-2022-36109).
    user: { uid: user.uid, gid: user.gid, additionalGids: [...new Set([user.gid, ...user.groups])] },
    args: process.args,
    env: withHome(process.env, user.home),
    cwd: process.cwd === '' ? '/' : process.cwd,
    capabilities: { bounding: capabilities, effective, permitted: effective },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: files, hard: files }],
    noNewPrivileges: false,
  };
}

function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`];
}

function namespaces({ network }: Bundle): { type: string; path?: string }[] {
  const own = ['pid', 'mount', 'uts', 'ipc', 'cgroup'].map((type) => ({ type }));
  return network.mode === 'host' ? own : [...own, { type: 'network', path: network.namespace }];
}

/** Resources in OCI words; memory without a swap wish may swap as much again, as with Docker. */
export function buildResources(resources: Resources, privileged: boolean, swapLimit: boolean): OciResources {
  const { memory, memorySwap, nanoCpus, cpuShares, cpusetCpus, pidsLimit } = resources;
  const swap = memorySwap ?? (memory === undefined || !swapLimit ? undefined : memory * 2);
  const cpu = {
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(nanoCpus === undefined
      ? {}
      : { quota: Math.max(1000, Math.round((nanoCpus / 1e9) * CPU_PERIOD)), period: CPU_PERIOD }),
    ...(cpusetCpus === undefined || cpusetCpus === '' ? {} : { cpus: cpusetCpus }),
  };
  return {
    devices: privileged ? [{ allow: true, access: 'rwm' }] : DEVICE_RULES,
    ...(memory === undefined ? {} : { memory: { limit: memory, ...(swap === undefined ? {} : { swap }) } }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(pidsLimit === undefined || pidsLimit <= 0 ? {} : { pids: { limit: pidsLimit } }),
  };
}

/** mknod of anything, use of null, zero, full, random, urandom, tty, console, ptmx and pseudo-terminals (moby, oci/devices). */
const DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [1, 7],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major = 0, minor = 0]) => ({
    allow: true,
    type: 'c',
    major,
    minor,
    access: 'rwm',
  })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];
