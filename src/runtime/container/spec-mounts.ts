import type { InstanceMount } from '../../model/instance.ts';
import type { Bundle } from '../runtime.ts';
import type { OciMount } from './oci.ts';

export const INIT_PATH = '/sbin/docker-init';

/** What every container sees, as Docker mounts it (moby, oci/defaults.go). */
function systemMounts(privileged: boolean): OciMount[] {
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
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', mode] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [mode, 'nosuid', 'noexec', 'nodev'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=67108864'],
    },
  ];
}

/** All mounts of a container, in the order in which they are made: the system's, the engine's files, then the user's by depth. */
export function buildMounts(bundle: Bundle, initProgram: string | null): OciMount[] {
  const taken = new Set(bundle.mounts.map(({ target }) => target));
  const files: (readonly [string, string])[] = [
    [bundle.files.resolvConf, '/etc/resolv.conf'],
    [bundle.files.hostname, '/etc/hostname'],
    [bundle.files.hosts, '/etc/hosts'],
  ];
  const mounts = [
    ...systemMounts(bundle.privileged),
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
  const asked = bundle.mounts.toSorted((a, b) => depth(a.target) - depth(b.target)).map(userMount);
  return [...mounts, ...asked];
}

function userMount(mount: InstanceMount): OciMount {
  const mode = mount.readOnly ? 'ro' : 'rw';
  const { target: destination } = mount;
  if (mount.type === 'tmpfs') {
    return {
      destination,
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'noexec', ...mount.options, mode],
    };
  }
  const propagation = mount.options.some((option) => /^r?(private|shared|slave|unbindable)$/.test(option))
    ? []
    : ['rprivate'];
  return {
    destination,
    type: 'bind',
    source: mount.source,
    options: ['rbind', ...propagation, ...mount.options, mode],
  };
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}
