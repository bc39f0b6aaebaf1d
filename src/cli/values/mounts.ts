import { resolve } from 'node:path';
import type { Mount } from '../../../api/docker.ts';
import { pairs } from './environment.ts';
import { parseBytes } from './size.ts';

/** `-v`: sent as a bind (`SOURCE:TARGET[:options]`) or, for an anonymous volume, as its target alone. */
export type VolumeFlag =
  { readonly kind: 'bind'; readonly bind: string } | { readonly kind: 'anonymous'; readonly target: string };

/** docker's `-v [SOURCE:]TARGET[:OPTIONS]`; a relative source (`./x`, `../x`) is made absolute. Throws an Error. */
export function parseVolume(value: string, cwd: string): VolumeFlag {
  const [first = '', second, options, ...more] = value.split(':');
  if (value === '' || more.length > 0 || first === '')
    throw new Error("it must look like '[SOURCE:]TARGET[:OPTIONS]'");
  if (second === undefined) {
    if (!first.startsWith('/')) throw new Error(`the path inside the instance must be absolute: ${first}`);
    return { kind: 'anonymous', target: first };
  }
  if (!second.startsWith('/')) throw new Error(`the path inside the instance must be absolute: ${second}`);
  const source = /^\.{1,2}(?:\/|$)/.test(first) ? resolve(cwd, first) : first;
  return { kind: 'bind', bind: [source, second, ...(options === undefined ? [] : [options])].join(':') };
}

/** docker's `--mount type=bind,source=/a,target=/b,readonly`. Throws an Error that names the field. */
export function parseMount(value: string, cwd: string): Mount {
  const fields: Field[] = [];
  for (const part of splitCsv(value)) {
    const at = part.indexOf('=');
    const [key, given] = at < 0 ? [part, 'true'] : [part.slice(0, at), part.slice(at + 1)];
    fields.push([ALIASES[key.toLowerCase()] ?? key.toLowerCase(), given]);
  }
  const mount = mountOf(fields, cwd);
  if (mount.Target === undefined || mount.Target === '') throw new Error('the field target is required');
  if (mount.Type === 'bind' && mount.Source === undefined)
    throw new Error('the field source is required for a bind');
  if (mount.Type === 'tmpfs' && mount.Source !== undefined) throw new Error('a tmpfs has no source');
  return mount;
}

const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};

type Field = readonly [key: string, given: string];

function mountOf(fields: readonly Field[], cwd: string): Mount {
  const type = fields.findLast(([key]) => key === 'type')?.[1] ?? 'volume';
  if (!['bind', 'volume', 'tmpfs'].includes(type))
    throw new Error(`the type ${JSON.stringify(type)} is not bind, volume or tmpfs`);
  const mount: Mount = { Type: type };
  for (const [key, given] of fields) setField(mount, type, key, given, cwd);
  return mount;
}

function setField(mount: Mount, type: string, key: string, given: string, cwd: string): void {
  switch (key) {
    case 'type':
      return;
    case 'source':
      mount.Source = type === 'bind' ? resolve(cwd, given) : given;
      return;
    case 'target':
      mount.Target = given;
      return;
    case 'readonly':
      mount.ReadOnly = truth(key, given);
      return;
    case 'bind-propagation':
      mount.BindOptions = { ...mount.BindOptions, Propagation: given };
      return;
    case 'bind-nonrecursive':
      mount.BindOptions = { ...mount.BindOptions, NonRecursive: truth(key, given) };
      return;
    case 'bind-recursive':
      mount.BindOptions = { ...mount.BindOptions, ...recursion(given) };
      return;
    case 'bind-create-src':
      mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: truth(key, given) };
      return;
    case 'tmpfs-size':
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseBytes(given) };
      return;
    case 'tmpfs-mode':
      mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: octal(given) };
      return;
    default:
      mount.VolumeOptions = volumeOptions(mount.VolumeOptions ?? {}, key, given);
  }
}

type VolumeOptions = NonNullable<Mount['VolumeOptions']>;

function volumeOptions(before: VolumeOptions, key: string, given: string): VolumeOptions {
  switch (key) {
    case 'volume-nocopy':
      return { ...before, NoCopy: truth(key, given) };
    case 'volume-subpath':
      return { ...before, Subpath: given };
    case 'volume-label':
      return { ...before, Labels: { ...before.Labels, ...pairs([given]) } };
    case 'volume-driver':
      return { ...before, DriverConfig: { ...before.DriverConfig, Name: given } };
    case 'volume-opt': {
      const options = { ...before.DriverConfig?.Options, ...pairs([given]) };
      return { ...before, DriverConfig: { ...before.DriverConfig, Options: options } };
    }
    default:
      throw new Error(`the field ${JSON.stringify(key)} is not known`);
  }
}

/** docker's words for what becomes of mounts below the source. */
function recursion(given: string): Mount['BindOptions'] {
  switch (given) {
    case 'enabled':
      return {};
    case 'disabled':
      return { NonRecursive: true };
    case 'writable':
      return { ReadOnlyNonRecursive: true };
    case 'readonly':
      return { ReadOnlyForceRecursive: true };
    default:
      throw new Error('the field bind-recursive must be enabled, disabled, writable or readonly');
  }
}

function truth(key: string, given: string): boolean {
  if (['true', '1'].includes(given)) return true;
  if (['false', '0'].includes(given)) return false;
  throw new Error(`the field ${key} must be true or false`);
}

function octal(given: string): number {
  if (!/^[0-7]{1,4}$/.test(given)) throw new Error('the field tmpfs-mode must be octal, such as 1777');
  return Number.parseInt(given, 8);
}

/** One line of CSV: fields may be in double quotes, `""` is a quote. */
function splitCsv(line: string): string[] {
  const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))(?=,|$)/g)];
  if (fields.map((field) => field[0]).join('') !== line) throw new Error('its quotes are not balanced');
  return fields.map((field) => field[1]?.replaceAll('""', '"') ?? field[2] ?? '');
}
