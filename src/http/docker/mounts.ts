import { posix } from 'node:path';
import type { MountPoint } from '../../../api/docker.ts';
import type { MountRequest } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { MountBody } from './create-schema.ts';

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];
/** Of each of these a bind may have one (moby, volume/mounts/linux_parser.go). */
const MODES: readonly (readonly string[])[] = [
  ['rw', 'ro'],
  PROPAGATIONS,
  ['z', 'Z'],
  ['nocopy'],
  ['consistent', 'cached', 'delegated', 'default'],
];
/** Flags of `TmpfsOptions.Options`. */
const TMPFS_FLAGS = ['exec', 'noexec'];

/** One entry of `HostConfig.Binds`: `source:target[:modes]`, or a target alone. Throws `invalid-argument` in Docker's words. */
export function parseBind(text: string, volumeDriver = ''): MountRequest {
  const [source = '', target, modes = '', ...more] = text.split(':');
  if (more.length > 0 || source === '' || (target !== undefined && modes === '' && isMode(target)))
    throw specification(text);
  if (target === undefined)
    return { type: 'volume', source: '', target: place(text, source), readOnly: false };
  const words = readModes(modes);
  const readOnly = words.includes('ro');
  const at = place(text, target);
  const options = words.filter((word) => PROPAGATIONS.includes(word));
  const common = { target: at, readOnly, options, mode: modes };
  if (source.startsWith('/')) {
    return { type: 'bind', source: posix.normalize(source), createSource: true, ...common };
  }
  return {
    type: 'volume',
    source: volumeName(source),
    ...common,
    ...(words.includes('nocopy') ? { noCopy: true } : {}),
    ...(volumeDriver === '' ? {} : { volume: { driver: volumeDriver } }),
  };
}

function isMode(text: string): boolean {
  const words = text.split(',');
  return words.every((word) => MODES.some((group) => group.includes(word)));
}

function readModes(text: string): readonly string[] {
  if (text === '') return [];
  const words = text.split(',');
  const once = MODES.every((group) => words.filter((word) => group.includes(word)).length <= 1);
  if (once && isMode(text)) return words;
  throw invalid(`invalid mode: ${text}`);
}

function place(bind: string, target: string): string {
  const type = bind.startsWith('/') ? 'bind' : 'volume';
  const words = `invalid volume specification: '${bind}': invalid mount config for type "${type}"`;
  if (!target.startsWith('/'))
    throw invalid(`${words}: invalid mount path: '${target}' mount path must be absolute`);
  const path = clean(target);
  if (path === '/') throw invalid(`${words}: invalid specification: destination can't be '/'`);
  return path;
}

/** One entry of `HostConfig.Mounts`. Throws `invalid-argument` in Docker's words. */
export function parseMount(mount: MountBody): MountRequest {
  const type = mount.Type ?? '';
  const wrong = (why: string): HullError => invalid(`invalid mount config for type "${type}": ${why}`);
  const target = mount.Target ?? '';
  if (target === '') throw wrong('field Target must not be empty');
  if (!target.startsWith('/')) throw wrong(`invalid mount path: '${target}' mount path must be absolute`);
  const common = { target: clean(target), readOnly: mount.ReadOnly ?? false };
  if (common.target === '/') throw wrong("invalid specification: destination can't be '/'");
  if (type !== 'volume' && isSet(mount.VolumeOptions))
    throw wrong('field VolumeOptions must not be specified');
  if (type !== 'bind' && isSet(mount.BindOptions)) throw wrong('field BindOptions must not be specified');
  if (type !== 'tmpfs' && isSet(mount.TmpfsOptions)) throw wrong('field TmpfsOptions must not be specified');
  switch (type) {
    case 'bind':
      return { type, ...common, ...bindPart(mount, wrong) };
    case 'volume':
      return { type, ...common, ...volumePart(mount, wrong) };
    case 'tmpfs':
      if ((mount.Source ?? '') !== '') throw wrong('field Source must not be specified');
      return { type, source: '', ...common, options: tmpfsOptions(mount, wrong) };
    default:
      throw wrong('mount type unknown');
  }
}

type Wrong = (why: string) => HullError;

function bindPart(
  mount: MountBody,
  wrong: Wrong,
): Required<Pick<MountRequest, 'source' | 'createSource' | 'options'>> {
  const source = mount.Source ?? '';
  if (source === '') throw wrong('field Source must not be empty');
  if (!source.startsWith('/')) throw wrong(`invalid mount path: '${source}' mount path must be absolute`);
  const options = mount.BindOptions ?? {};
  const propagation = options.Propagation ?? '';
  if (propagation !== '' && !PROPAGATIONS.includes(propagation))
    throw wrong(`invalid propagation mode: ${propagation}`);
  if (options.ReadOnlyForceRecursive === true && options.ReadOnlyNonRecursive === true)
    throw wrong('ReadOnlyForceRecursive needs ReadOnlyNonRecursive to be false');
  if (options.ReadOnlyForceRecursive === true && mount.ReadOnly !== true)
    throw wrong('ReadOnlyForceRecursive needs the mount to be read-only');
  return {
    source: posix.normalize(source),
    createSource: options.CreateMountpoint ?? false,
    options: [
      ...(propagation === '' ? [] : [propagation]),
      ...(options.NonRecursive === true ? ['bind'] : []),
      ...(options.ReadOnlyNonRecursive === true ? ['ro-top'] : []),
      ...(options.ReadOnlyForceRecursive === true ? ['ro-all'] : []),
    ],
  };
}

function volumePart(
  mount: MountBody,
  wrong: Wrong,
): Pick<MountRequest, 'source' | 'noCopy' | 'subpath' | 'volume'> {
  const source = mount.Source ?? '';
  const { NoCopy, Subpath, DriverConfig, Labels } = mount.VolumeOptions ?? {};
  const subpath = Subpath ?? '';
  if (source === '' && mount.ReadOnly === true)
    throw wrong('must not set ReadOnly mode when using anonymous volumes');
  if (source === '' && subpath !== '') throw wrong('must not set Subpath when using anonymous volumes');
  if (subpath.startsWith('/') || posix.normalize(subpath).startsWith('..'))
    throw wrong('subpath must be a relative path within the volume');
  const driver = DriverConfig?.Name ?? '';
  const volume = {
    ...(driver === '' ? {} : { driver }),
    ...(isSet(DriverConfig?.Options) ? { options: DriverConfig.Options } : {}),
    ...(isSet(Labels) ? { labels: Labels } : {}),
  };
  return {
    source: source === '' ? '' : volumeName(source),
    ...(NoCopy === true ? { noCopy: true } : {}),
    ...(subpath === '' ? {} : { subpath }),
    ...(isSet(volume) ? { volume } : {}),
  };
}

function tmpfsOptions(mount: MountBody, wrong: Wrong): readonly string[] {
  const { SizeBytes, Mode, Options } = mount.TmpfsOptions ?? {};
  const size = SizeBytes ?? 0;
  const mode = Mode ?? 0;
  if (size < 0) throw wrong('field TmpfsOptions.SizeBytes must not be negative');
  const flags = (Options ?? []).map((pair) => pair.join('='));
  const odd = flags.find((option) => !TMPFS_FLAGS.includes(option));
  if (odd !== undefined) throw wrong(`invalid option: "${odd}"`);
  return [...flags, ...(size > 0 ? [`size=${size}`] : []), ...(mode > 0 ? [`mode=${mode.toString(8)}`] : [])];
}

/** `HostConfig.Tmpfs`: options by target. */
export function parseTmpfs(map: Readonly<Record<string, string>>): readonly MountRequest[] {
  return Object.entries(map).map(([target, text]) => {
    const options = text.split(',').filter((word) => word !== '');
    if (!target.startsWith('/')) throw invalid(`invalid mount path: '${target}' mount path must be absolute`);
    if (clean(target) === '/') throw invalid("invalid specification: destination can't be '/'");
    return {
      type: 'tmpfs',
      source: '',
      target: clean(target),
      readOnly: options.includes('ro'),
      options: options.filter((word) => word !== 'ro' && word !== 'rw'),
    };
  });
}

/** `Volumes`: targets of anonymous volumes. */
export function parseVolumes(targets: readonly string[], driver = ''): readonly MountRequest[] {
  return targets.map((target) => {
    if (!target.startsWith('/'))
      throw invalid(
        `invalid volume specification: '${target}': invalid mount path: '${target}' mount path must be absolute`,
      );
    return {
      type: 'volume',
      source: '',
      target: clean(target),
      readOnly: false,
      ...(driver === '' ? {} : { volume: { driver } }),
    };
  });
}

function volumeName(name: string): string {
  if (VOLUME_NAME.test(name)) return name;
  if (/^[a-zA-Z0-9]$/.test(name)) {
    throw invalid(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  throw invalid(
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}

function clean(path: string): string {
  if (path.includes('\0')) throw invalid(`the path ${JSON.stringify(path)} has a NUL character`);
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function isSet<T extends object>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined && Object.keys(value).length > 0;
}

function specification(text: string): HullError {
  return invalid(`invalid volume specification: '${text}'`);
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
    Mode: mount.mode ?? '',
    RW: !mount.readOnly,
    Propagation: mount.type === 'bind' ? (propagation ?? 'rprivate') : '',
  };
}
