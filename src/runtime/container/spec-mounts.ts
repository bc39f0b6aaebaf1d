import { HullError } from '../../model/errors.ts';
import { DEFAULT_SHM_SIZE, type InstanceOptions } from '../../model/instance-options.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { Bundle } from '../runtime.ts';
import type { OciMount } from './oci.ts';

export const INIT_PATH = '/sbin/docker-init';

/** What mounts need to know of the host. */
export interface MountFacts {
  readonly initProgram: string | null;
  /** A folder of the host's to be /dev/shm; null: a tmpfs of its own. */
  readonly sharedMemory: string | null;
  /** Can a mount be read-only with all that is mounted below it? (mount_setattr(2), kernel 5.12) */
  readonly recursiveReadOnly: boolean;
  /** Sources that are no folders. */
  readonly files: ReadonlySet<string>;
}

/** The host's kernel has 4096 for all containers together, and keeps 1024 back for itself (kernel.pty): one container does not take them all. */
const MAX_TERMINALS = 'max=1024';

/** What every container sees, as Docker mounts it (moby, oci/defaults.go). */
function systemMounts({ privileged, options }: Bundle, sharedMemory: string | null): OciMount[] {
  const mode = privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5', MAX_TERMINALS],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', mode] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [mode, 'nosuid', 'noexec', 'nodev'],
    },
    // The queues of whatever IPC namespace the container is in.
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    ...sharedMemoryMount(options, sharedMemory),
  ];
}

function sharedMemoryMount(options: InstanceOptions, folder: string | null): OciMount[] {
  const destination = '/dev/shm';
  if (options.ipcMode === 'none') return [];
  if (folder !== null) return [{ destination, type: 'bind', source: folder, options: ['rbind', 'rprivate'] }];
  const size = options.shmSize ?? DEFAULT_SHM_SIZE;
  return [
    {
      destination,
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${size}`],
    },
  ];
}

/** All mounts of a container, in the order in which they are made: the system's, the engine's files, then the user's by depth. */
export function buildMounts(bundle: Bundle, facts: MountFacts): OciMount[] {
  const { initProgram } = facts;
  const taken = new Set(bundle.mounts.map(({ target }) => target));
  const files: (readonly [string, string])[] = [
    [bundle.files.resolvConf, '/etc/resolv.conf'],
    [bundle.files.hostname, '/etc/hostname'],
    [bundle.files.hosts, '/etc/hosts'],
  ];
  const mounts = [
    ...systemMounts(bundle, facts.sharedMemory),
    ...files.map(([source, destination]) => ({
      destination,
      type: 'bind',
      source,
      options: ['rbind', 'rprivate', 'rw'],
    })),
    ...(initProgram === null
      ? []
      : [{ destination: INIT_PATH, type: 'bind', source: initProgram, options: ['bind', 'rprivate', 'ro'] }]),
  ].filter(({ destination }) => !taken.has(destination));
  const asked = bundle.mounts
    .toSorted((a, b) => depth(a.target) - depth(b.target))
    .map((mount) => userMount(mount, facts));
  return [...mounts, ...asked];
}

const PROPAGATION = /^r?(private|shared|slave|unbindable)$/;

function userMount(mount: InstanceMount, facts: MountFacts): OciMount {
  const { target: destination, options, readOnly } = mount;
  if (mount.type === 'tmpfs') {
    const mode = readOnly ? 'ro' : 'rw';
    return {
      destination,
      type: 'tmpfs',
      source: 'tmpfs',
      options: [...tmpfsOptions(options), mode],
    };
  }
  const alone = options.includes('bind');
  const above = alone ? 'bind' : 'rbind';
  const asked = options.filter((option) => PROPAGATION.test(option));
  const propagation = asked.length === 0 ? ['rprivate'] : asked;
  return {
    destination,
    type: 'bind',
    source: mount.source,
    options: [
      above,
      // crun takes the `r` of a propagation for that of the bind.
      ...(alone ? propagation.map((word) => word.replace(/^r/, '')) : propagation),
      ...(readOnly ? readOnlyWords(mount, facts, above === 'rbind') : ['rw']),
    ],
  };
}

const TMPFS_DEFAULTS = ['nosuid', 'nodev', 'noexec'];

/** Docker's defaults, unless the opposite is asked for: runtimes do not agree on which of two opposites wins. */
function tmpfsOptions(asked: readonly string[]): readonly string[] {
  const defaults = TMPFS_DEFAULTS.filter((option) => !asked.includes(option.slice('no'.length)));
  return [...defaults, ...asked.filter((option) => option !== 'defaults' && !defaults.includes(option))];
}

/** Read-only means all that is mounted below too, where the kernel can; `ro-top`: not so; `ro-all`: so or not at all. */
function readOnlyWords(
  { options, source }: InstanceMount,
  { files, recursiveReadOnly }: MountFacts,
  deep: boolean,
): readonly string[] {
  // Nothing is mounted below a file, and crun takes what is to be recursive for a folder.
  if (options.includes('ro-top') || files.has(source)) return ['ro'];
  if (recursiveReadOnly && deep) return ['ro', 'rro'];
  if (!options.includes('ro-all')) return ['ro'];
  throw new HullError(
    'not-supported',
    'this kernel cannot make a mount read-only with all that is mounted below it; leave ReadOnlyForceRecursive out',
  );
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}
