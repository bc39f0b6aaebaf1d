import { readdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { HullError, messageOf } from '../../model/errors.ts';
import type { DeviceMapping } from '../../model/instance-options.ts';
import type { Resources, ThrottleDevice } from '../../model/resources.ts';
import type { OciBlockIo, OciDevice } from './oci.ts';
import type { MappedDevice } from './spec-resources.ts';

/** What a container's /dev has of itself. */
const OWN = new Set([
  'pts',
  'shm',
  'fd',
  'mqueue',
  'console',
  'ptmx',
  'null',
  'zero',
  'full',
  'tty',
  'random',
  'urandom',
]);

/** Device nodes of the host's /dev, for privileged containers; terminals and what the runtime makes itself left out. */
export function hostDevices(folder = '/dev'): OciDevice[] {
  const found: OciDevice[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (folder === '/dev' && OWN.has(entry.name)) continue;
    if (entry.isDirectory()) found.push(...hostDevices(path));
    else if (entry.isCharacterDevice() || entry.isBlockDevice()) found.push(nodeOf(path, path));
  }
  return found;
}

/** A device that was asked for, or all of a folder. Throws `start-failed` in Docker's words when it is none. */
export function mappedDevices({ pathOnHost, pathInContainer, permissions }: DeviceMapping): MappedDevice[] {
  const found = below(pathOnHost).map((path) => ({
    ...nodeOf(path, posix.join(pathInContainer, path.slice(pathOnHost.length))),
    access: permissions,
  }));
  if (found.length > 0) return found;
  throw gathering(pathOnHost, 'not a device node');
}

function below(path: string): string[] {
  let facts;
  try {
    facts = statSync(path);
  } catch (error) {
    throw gathering(path, /ENOENT/.test(messageOf(error)) ? 'no such file or directory' : messageOf(error));
  }
  if (facts.isCharacterDevice() || facts.isBlockDevice()) return [path];
  if (!facts.isDirectory()) return [];
  return hostDevices(path).map((device) => device.path);
}

function gathering(path: string, why: string): HullError {
  return new HullError(
    'start-failed',
    `error gathering device information while adding custom device ${JSON.stringify(path)}: ${why}`,
  );
}

/** Limits of single devices by number; null when there are none. Throws `start-failed` for what is no device. */
export function blockIo(resources: Resources): OciBlockIo | null {
  const { blkioWeight, blkioWeightDevice } = resources;
  const limits: OciBlockIo = {
    ...(blkioWeight === undefined ? {} : { weight: blkioWeight }),
    ...(blkioWeightDevice === undefined
      ? {}
      : { weightDevice: blkioWeightDevice.map(({ path, weight }) => ({ ...numbersOf(path), weight })) }),
    ...throttles('throttleReadBpsDevice', resources.blkioDeviceReadBps),
    ...throttles('throttleWriteBpsDevice', resources.blkioDeviceWriteBps),
    ...throttles('throttleReadIOPSDevice', resources.blkioDeviceReadIOps),
    ...throttles('throttleWriteIOPSDevice', resources.blkioDeviceWriteIOps),
  };
  return Object.keys(limits).length === 0 ? null : limits;
}

function throttles(field: keyof OciBlockIo, devices: readonly ThrottleDevice[] | undefined): OciBlockIo {
  if (devices === undefined) return {};
  return { [field]: devices.map(({ path, rate }) => ({ ...numbersOf(path), rate })) };
}

function numbersOf(path: string): { major: number; minor: number } {
  try {
    return deviceNumbers(statSync(path).rdev);
  } catch {
    throw new HullError('start-failed', `${path}: no such file or directory`);
  }
}

function nodeOf(path: string, as: string): OciDevice {
  const facts = statSync(path);
  return {
    path: as,
    type: facts.isBlockDevice() ? 'b' : 'c',
    ...deviceNumbers(facts.rdev),
    fileMode: facts.mode & 0o7777,
    uid: facts.uid,
    gid: facts.gid,
  };
}

/** makedev(3) the other way round. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn & 0xffff_ffffn)),
    minor: Number((value & 0xffn) | ((value >> 12n) & ~0xffn & 0xffff_ffffn)),
  };
}
