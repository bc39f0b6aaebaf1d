import type { Ulimit } from '../../model/instance-options.ts';
import type { ProcessSpec } from '../../model/instance.ts';
import { MASKED_PATHS, READ_ONLY_PATHS } from '../../model/system-paths.ts';
import type { Bundle } from '../runtime.ts';
import type { OciDevice, OciProcess, OciSpec } from './oci.ts';
import { type OciSeccomp } from './seccomp.ts';
import { buildMounts, INIT_PATH, type MountFacts } from './spec-mounts.ts';
import { buildResources, type ResourceFacts } from './spec-resources.ts';
import type { ResolvedUser } from './user.ts';

/** What the host decides about a container, beside its bundle. */
export interface SpecFacts extends ResourceFacts, MountFacts {
  readonly rootPath: string;
  /** `hull-<tag>/<id>`, below every hierarchy's root. */
  readonly cgroupPath: string;
  readonly user: ResolvedUser;
  readonly capabilities: readonly string[];
  /** Null: unconfined. */
  readonly seccomp: OciSeccomp | null;
  /** The host's hard limit of open files: what the engine does not have it cannot give. */
  readonly maxOpenFiles: number;
  /** The host's devices, for privileged containers. */
  readonly hostDevices: readonly OciDevice[];
  /** Namespaces of other instances to join, by type. */
  readonly joined: { readonly pid?: string; readonly ipc?: string };
  /** How mounts of the container's root propagate, where a mount of the user's needs more than nothing. */
  readonly propagation: 'rshared' | 'rslave' | null;
  readonly noNewPrivileges: boolean;
  /** The name of a profile, or `unconfined`; null: none, or a kernel without AppArmor. */
  readonly appArmor: string | null;
}

const OPEN_FILES = 1_048_576;

/** The OCI configuration of a container: Docker's defaults, the bundle's wishes. Pure. */
export function buildSpec(bundle: Bundle, facts: SpecFacts): OciSpec {
  const { options, privileged } = bundle;
  const spec = buildProcess(bundle, bundle.process, facts);
  const ownHostname = options.utsMode !== 'host';
  const devices = [
    ...(privileged ? facts.hostDevices : []),
    ...facts.devices.map(({ access: _access, ...device }) => device),
  ];
  const unique = new Map(devices.map((device) => [device.path, device]));
  return {
    ociVersion: '1.0.2',
    process: facts.initProgram === null ? spec : { ...spec, args: [INIT_PATH, '--', ...spec.args] },
    root: { path: facts.rootPath, readonly: bundle.readOnlyRoot },
    ...(ownHostname ? { hostname: bundle.hostname } : {}),
    ...(ownHostname && bundle.domainname !== '' ? { domainname: bundle.domainname } : {}),
    mounts: buildMounts(bundle, facts),
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    linux: {
      namespaces: namespaces(bundle, facts.joined),
      cgroupsPath: `/${facts.cgroupPath}`,
      resources: buildResources(bundle.resources, options, privileged, facts),
      ...(unique.size === 0 ? {} : { devices: [...unique.values()] }),
      ...(privileged
        ? {}
        : {
            maskedPaths: options.maskedPaths ?? MASKED_PATHS,
            readonlyPaths: options.readonlyPaths ?? READ_ONLY_PATHS,
          }),
      ...(facts.seccomp === null ? {} : { seccomp: facts.seccomp }),
      ...(facts.propagation === null ? {} : { rootfsPropagation: facts.propagation }),
      sysctl: { ...networkSettings(bundle), ...options.sysctls },
    },
  };
}

/** Ports below 1024 and ping need no capability inside, as Docker has it. */
function networkSettings({ network }: Bundle): Record<string, string> {
  if (network.mode === 'host' || network.mode === 'container') return {};
  return { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' };
}

/** The process part alone: what an exec needs too. */
export function buildProcess(
  { options }: Pick<Bundle, 'options'>,
  process: ProcessSpec,
  facts: Pick<SpecFacts, 'user' | 'capabilities' | 'maxOpenFiles' | 'noNewPrivileges' | 'appArmor'>,
): OciProcess {
  const { user, capabilities } = facts;
  // Another user than root has them only by file capabilities: what execve(2) would leave.
  const effective = user.uid === 0 ? capabilities : [];
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
    rlimits: rlimits(options.ulimits ?? [], facts.maxOpenFiles),
    noNewPrivileges: facts.noNewPrivileges,
    ...(facts.appArmor === null ? {} : { apparmorProfile: facts.appArmor }),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
  };
}

const UNLIMITED = 18_446_744_073_709_551_615n;

/** Unlimited is the largest number of 64 bits, which JSON has and this language's numbers have not: `writeSpec` writes it so. */
function rlimits(ulimits: readonly Ulimit[], maxOpenFiles: number): OciProcess['rlimits'] {
  const files = Math.min(OPEN_FILES, maxOpenFiles);
  const asked = ulimits.map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: soft === -1 ? UNLIMITED : soft,
    hard: hard === -1 ? UNLIMITED : hard,
  }));
  const own = { type: 'RLIMIT_NOFILE', soft: files, hard: files };
  return asked.some(({ type }) => type === own.type) ? asked : [own, ...asked];
}

function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`];
}

/** Those of its own, and those of other instances; the host's are left out. */
function namespaces(
  { network, options }: Bundle,
  joined: SpecFacts['joined'],
): OciSpec['linux']['namespaces'] {
  const place = (type: string, mode: string | undefined, path: string | undefined) =>
    mode === 'host' ? [] : [path === undefined ? { type } : { type, path }];
  return [
    ...place('pid', options.pidMode, joined.pid),
    { type: 'mount' },
    ...place('uts', options.utsMode, undefined),
    ...place('ipc', options.ipcMode, joined.ipc),
    ...place('cgroup', options.cgroupnsMode, undefined),
    ...(network.mode === 'host' ? [] : [{ type: 'network', path: network.namespace }]),
  ];
}
