import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HullError } from '../../model/errors.ts';
import { MASKED_PATHS, READ_ONLY_PATHS } from '../../model/system-paths.ts';
import { ALL_CAPABILITIES, resolveCapabilities } from '../capabilities.ts';
import type { Bundle } from '../runtime.ts';
import { FIELD, FieldWriter } from './agent-fields.ts';
import type { Share } from './shares.ts';

/** The CONFIGURE payload: everything of the instance: a guest that has booted knows nothing of it yet. Mounts come in the order of their targets' depth. */
export function configuration(bundle: Bundle, shares: readonly Share[]): Uint8Array {
  const writer = new FieldWriter()
    .number(FIELD.clock, BigInt(Date.now()) * 1_000_000n)
    .bytes(FIELD.entropy, randomBytes(64))
    .flag(FIELD.privileged, bundle.privileged)
    .text(FIELD.hostname, bundle.hostname);
  addDisks(writer, bundle.root);
  addConfinement(writer, bundle);
  if (bundle.domainname !== '') writer.text(FIELD.domainname, bundle.domainname);
  addNetwork(writer, bundle);
  addMounts(writer, bundle, shares);
  for (const [path, source] of [
    ['/etc/hosts', bundle.files.hosts],
    ['/etc/hostname', bundle.files.hostname],
    ['/etc/resolv.conf', bundle.files.resolvConf],
  ] as const) {
    // A mount of the user's over one of these files wins.
    if (!bundle.mounts.some((mount) => mount.target === path))
      writer.text(FIELD.file, `${path}\0${readFileSync(source, 'utf8')}`);
  }
  if (bundle.resources.memory !== undefined) writer.number(FIELD.memoryLimit, bundle.resources.memory);
  const pids = bundle.resources.pidsLimit ?? 0;
  if (pids > 0) writer.number(FIELD.pidsLimit, pids);
  for (const [name, value] of Object.entries(bundle.options.sysctls ?? {}))
    writer.text(FIELD.sysctl, `${name}\0${value}\0`);
  if (bundle.options.shmSize !== undefined) writer.number(FIELD.sharedMemory, bundle.options.shmSize);
  return writer.flag(FIELD.readOnlyRoot, bundle.readOnlyRoot).build();
}

/** The same for a guest that has no workload: its files, and what is mounted over them. */
export function filesConfiguration(
  bundle: Pick<Bundle, 'root' | 'mounts' | 'readOnlyRoot'>,
  shares: readonly Share[],
): Uint8Array {
  const writer = new FieldWriter()
    .number(FIELD.clock, BigInt(Date.now()) * 1_000_000n)
    .bytes(FIELD.entropy, randomBytes(64));
  addDisks(writer, bundle.root);
  addMounts(writer, bundle, shares);
  return writer.flag(FIELD.readOnlyRoot, bundle.readOnlyRoot).build();
}

/** By their serials, which the guest finds them by. */
function addDisks(writer: FieldWriter, root: Bundle['root']): void {
  if (root.kind !== 'block' || root.root.layout !== 'layered')
    throw new HullError('internal', 'a guest with an agent was given a root that it cannot mount');
  writer.text(FIELD.image, root.root.image.serial).text(FIELD.scratch, root.root.scratch.serial);
}

/** What root of the workload sees of its kernel's own files: as a container does. */
function addConfinement(writer: FieldWriter, { privileged, options }: Bundle): void {
  if (privileged) return;
  for (const path of options.maskedPaths ?? MASKED_PATHS) writer.text(FIELD.maskedPath, path);
  for (const path of options.readonlyPaths ?? READ_ONLY_PATHS) writer.text(FIELD.readOnlyPath, path);
}

/** The time of the host, for a guest whose clock stood still. */
export function clockPayload(milliseconds: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(milliseconds) * 1_000_000n);
  return bytes;
}

function addNetwork(writer: FieldWriter, bundle: Bundle): void {
  const links = bundle.network.mode === 'host' ? [] : bundle.network.links;
  for (const { address, prefixLength, gateway, mtu, name, ipv6 } of links) {
    const or = (text: string | undefined): string => (text === undefined || text === '' ? '-' : text);
    const second = `${or(ipv6?.address)} ${ipv6?.prefixLength ?? 0} ${or(ipv6?.gateway)}`;
    writer.text(FIELD.network, `${address} ${prefixLength} ${or(gateway)} ${mtu} ${name} ${second}`);
  }
}

function addMounts(writer: FieldWriter, bundle: Pick<Bundle, 'mounts'>, shares: readonly Share[]): void {
  const entries = [
    ...shares.map(({ tag, target, file, readOnly }) => ({
      target,
      add: () => writer.text(FIELD.share, `${readOnly ? '\u0001' : '\0'}${tag}\0${target}\0${file}\0`),
    })),
    ...bundle.mounts
      .filter((mount) => mount.type === 'tmpfs')
      .map(({ target, options, readOnly }) => ({
        target,
        add: () =>
          writer.text(FIELD.tmpfs, `${target}\0${[...options, ...(readOnly ? ['ro'] : [])].join(',')}\0`),
      })),
  ];
  const depth = (path: string): number => path.split('/').filter((part) => part !== '').length;
  for (const entry of entries.toSorted((one, other) => depth(one.target) - depth(other.target))) entry.add();
}

/** The capability mask of the workload or an exec, bit n for capability n. The guest's kernel has them all. */
export function capabilityMask(request: {
  capAdd: readonly string[];
  capDrop: readonly string[];
  privileged: boolean;
}): bigint {
  const names = new Set(resolveCapabilities(request, new Set(ALL_CAPABILITIES)));
  return ALL_CAPABILITIES.reduce(
    (mask, name, bit) => (names.has(name) ? mask | (1n << BigInt(bit)) : mask),
    0n,
  );
}
