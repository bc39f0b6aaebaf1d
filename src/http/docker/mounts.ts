import { posix } from 'node:path';
import type { MountPoint } from '../../../api/docker.ts';
import type { MountRequest } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { MountBody } from './create-schema.ts';

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];
/** Modes that ask for nothing here: SELinux labels, and hints for Docker Desktop. */
const IDLE_MODES = ['z', 'Z', 'cached', 'delegated', 'consistent', 'default'];

/** One entry of `HostConfig.Binds`: `source:target[:modes]`, or a target alone. Throws `invalid-argument`. */
export function parseBind(text: string): MountRequest {
  const parts = text.split(':');
  if (parts.length > 3 || parts.some((part) => part === '')) {
    throw invalid(`HostConfig.Binds: "${text}" is not SOURCE:TARGET[:MODE]`);
  }
  if (parts.length === 1) return volumeMount('', absolute('HostConfig.Binds', parts[0] ?? ''), false, []);
  const [source = '', target = '', modes = ''] = parts;
  const { readOnly, options } = parseModes(text, modes);
  const place = absolute('HostConfig.Binds', target);
  if (!source.startsWith('/'))
    return volumeMount(volumeName('HostConfig.Binds', source), place, readOnly, options);
  return {
    type: 'bind',
    source: posix.normalize(source),
    target: place,
    readOnly,
    createSource: true,
    options,
  };
}

function parseModes(bind: string, modes: string): { readOnly: boolean; options: readonly string[] } {
  const words = modes.split(',').filter((word) => word !== '');
  for (const word of words) {
    if (!['ro', 'rw', 'nocopy', ...PROPAGATIONS, ...IDLE_MODES].includes(word)) {
      throw invalid(`HostConfig.Binds: "${bind}" has the unknown mode "${word}"`);
    }
  }
  if (words.includes('ro') && words.includes('rw'))
    throw invalid(`HostConfig.Binds: "${bind}" is both ro and rw`);
  return {
    readOnly: words.includes('ro'),
    options: words.filter((word) => word === 'nocopy' || PROPAGATIONS.includes(word)),
  };
}

/** One entry of `HostConfig.Mounts`. Throws `invalid-argument`, `not-supported`. */
export function parseMount(mount: MountBody, index: number): MountRequest {
  const field = `HostConfig.Mounts.${index}`;
  const target = absolute(`${field}.Target`, mount.Target ?? '');
  const readOnly = mount.ReadOnly ?? false;
  switch (mount.Type) {
    case 'bind':
      return {
        type: 'bind',
        source: absolute(`${field}.Source`, mount.Source ?? ''),
        target,
        readOnly,
        createSource: mount.BindOptions?.CreateMountpoint ?? false,
        options: bindOptions(field, mount),
      };
    case 'volume': {
      const source = mount.Source ?? '';
      const name = source === '' ? '' : volumeName(`${field}.Source`, source);
      return volumeMount(name, target, readOnly, mount.VolumeOptions?.NoCopy === true ? ['nocopy'] : []);
    }
    case 'tmpfs':
      return { type: 'tmpfs', source: '', target, readOnly, options: tmpfsOptions(mount) };
    case undefined:
    case null:
      throw invalid(`${field}.Type: missing; use bind, volume or tmpfs`);
    default:
      throw new HullError('not-supported', `${field}.Type: mounts of type "${mount.Type}" are not supported`);
  }
}

function bindOptions(field: string, mount: MountBody): readonly string[] {
  const propagation = mount.BindOptions?.Propagation ?? '';
  if (propagation !== '' && !PROPAGATIONS.includes(propagation)) {
    throw invalid(`${field}.BindOptions.Propagation: unknown value "${propagation}"`);
  }
  const words = propagation === '' ? [] : [propagation];
  return mount.BindOptions?.NonRecursive === true ? [...words, 'bind'] : words;
}

function tmpfsOptions(mount: MountBody): readonly string[] {
  const size = mount.TmpfsOptions?.SizeBytes ?? 0;
  const mode = mount.TmpfsOptions?.Mode ?? 0;
  return [...(size > 0 ? [`size=${size}`] : []), ...(mode > 0 ? [`mode=${mode.toString(8)}`] : [])];
}

/** `HostConfig.Tmpfs`: options by target. */
export function parseTmpfs(map: Readonly<Record<string, string>>): readonly MountRequest[] {
  return Object.entries(map).map(([target, text]) => {
    const options = text.split(',').filter((word) => word !== '');
    return {
      type: 'tmpfs',
      source: '',
      target: absolute('HostConfig.Tmpfs', target),
      readOnly: options.includes('ro'),
      options: options.filter((word) => word !== 'ro' && word !== 'rw'),
    };
  });
}

/** `Volumes`: targets of anonymous volumes. */
export function parseVolumes(targets: readonly string[]): readonly MountRequest[] {
  return targets.map((target) => volumeMount('', absolute('Volumes', target), false, []));
}

function volumeMount(
  source: string,
  target: string,
  readOnly: boolean,
  options: readonly string[],
): MountRequest {
  return { type: 'volume', source, target, readOnly, options };
}

function volumeName(field: string, name: string): string {
  if (VOLUME_NAME.test(name)) return name;
  throw invalid(
    `${field}: "${name}" is no volume name (letters, digits, _.- and at least two of them); for a folder of the host give its absolute path`,
  );
}

function absolute(field: string, path: string): string {
  if (!path.startsWith('/')) throw invalid(`${field}: "${path}" is not an absolute path`);
  if (path.includes('\0')) throw invalid(`${field}: the path has a NUL character`);
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}

/** A mount as inspect shows it. */
export function mountPoint(mount: InstanceMount): MountPoint {
  const propagation = mount.options.find((word) => PROPAGATIONS.includes(word));
  return {
    Type: mount.type,
    ...(mount.volume === undefined ? {} : { Name: mount.volume }),
    Source: mount.source,
    Destination: mount.target,
    ...(mount.type === 'volume' ? { Driver: 'local' } : {}),
    Mode: mount.readOnly ? 'ro' : '',
    RW: !mount.readOnly,
    Propagation: propagation ?? (mount.type === 'bind' ? 'rprivate' : ''),
  };
}

/** A mount as `HostConfig.Binds` would have asked for it. */
export function bindText(mount: InstanceMount): string {
  return `${mount.volume ?? mount.source}:${mount.target}${mount.readOnly ? ':ro' : ''}`;
}
