import { parseMountOptions, type MountPlan } from '../../host/mount-plan.ts';
import { HullError } from '../../model/errors.ts';

/** Options of Docker's `local` volume driver, as the user gave them. */
export type DriverOptions = Readonly<Record<string, string>>;

const KNOWN: readonly string[] = ['type', 'o', 'device', 'size'];
/** Which options need which others. */
const NEEDS: readonly (readonly [string, readonly string[]])[] = [
  ['device', ['type']],
  ['type', ['device']],
  ['o', ['device', 'type']],
];

/** Refuses what Docker's driver refuses, in its words. `volume`: the name, for the message. */
export function checkDriverOptions(volume: string, options: DriverOptions): void {
  const refuse = (why: string): never => {
    throw new HullError('invalid-argument', `create ${volume}: ${why}`);
  };
  for (const name of Object.keys(options))
    if (!KNOWN.includes(name)) refuse(`invalid option: ${JSON.stringify(name)}`);
  for (const [name, needed] of NEEDS) {
    if (!Object.hasOwn(options, name)) continue;
    const missing = needed.find((other) => !Object.hasOwn(options, other));
    if (missing !== undefined) refuse(`missing required option: ${JSON.stringify(missing)}`);
  }
  const size = options['size'];
  if (size === undefined) return;
  if (!/^\d+(\.\d+)? ?([kmgtp]i?)?b?$/i.test(size)) refuse(`invalid size: '${size}'`);
  if (Number.parseFloat(size) > 0) refuse('quota size requested but no quota support');
}

/** Is anything mounted at the volume's folder while it is in use? */
export function isMounting(options: DriverOptions): boolean {
  return (options['device'] ?? '') !== '' || (options['type'] ?? '') !== '';
}

/** Resolves a host's name to its address. */
export type Lookup = (name: string) => Promise<string>;

/** What the options ask the kernel for. `lookup` finds the servers of nfs and cifs, whose names the kernel does not know. */
export async function mountPlan(options: DriverOptions, lookup: Lookup): Promise<MountPlan> {
  const type = options['type'] ?? '';
  const source = options['device'] ?? '';
  if (source === '') throw new HullError('invalid-argument', 'missing device in volume options');
  const given = options['o'] ?? '';
  const network = type === 'nfs' || type === 'nfs4' || type === 'cifs';
  const { flags, data } = parseMountOptions(network ? await withAddress(given, type, source, lookup) : given);
  return { source, type, flags, data };
}

async function withAddress(given: string, type: string, source: string, lookup: Lookup): Promise<string> {
  const words = given.split(',');
  const at = words.findIndex((word) => word.startsWith('addr='));
  if (at >= 0) {
    const name = (words[at] ?? '').slice('addr='.length);
    return words.with(at, `addr=${await addressOf(name, lookup)}`).join(',');
  }
  // The kernel's cifs takes no name from `//server/share` either.
  const server = type === 'cifs' ? /^\/\/([^/:]+)/.exec(source)?.[1] : undefined;
  if (server === undefined) return given;
  return [...words.filter((word) => word !== ''), `addr=${await addressOf(server, lookup)}`].join(',');
}

async function addressOf(name: string, lookup: Lookup): Promise<string> {
  if (name === '' || /^[\d.]+$/.test(name) || name.includes(':')) return name;
  try {
    return await lookup(name);
  } catch (error) {
    throw new HullError(
      'volume-mount-failed',
      `error resolving passed in network volume address: ${name}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** A message without the password that mount options may hold. */
export function withoutPassword(message: string, options: DriverOptions): string {
  const password = /(?:^|,)password=([^,]*)/.exec(options['o'] ?? '')?.[1] ?? '';
  return password === '' ? message : message.replaceAll(`password=${password}`, 'password=********');
}

/** What is mounted from elsewhere is not the engine's to copy. */
export function refuseMounting(
  volume: { readonly name: string; readonly options: DriverOptions },
  verb: string,
): void {
  if (!isMounting(volume.options)) return;
  throw new HullError(
    'not-supported',
    `the volume ${volume.name} is mounted from ${volume.options['device'] ?? 'elsewhere'} and cannot be ${verb}: only volumes without driver options can`,
  );
}
