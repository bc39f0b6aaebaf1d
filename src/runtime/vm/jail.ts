import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import { handleOf } from './process-handle.ts';
import type { ProcessHandle } from './vm-record.ts';

/** Something that a jailed program gets open, rather than a path that it could open: it has none of the host's. */
export type Descriptor =
  | { readonly kind: 'read' | 'write' | 'append' | 'listen' | 'connect'; readonly path: string }
  /** A tap device of the jail's network namespace. */
  | { readonly kind: 'tap'; readonly name: string };

/** The descriptors of a program, in order: 3 and up. */
export class Descriptors {
  readonly list: Descriptor[] = [];

  /** Returns the number that it has in the program. */
  add(descriptor: Descriptor): number {
    return FIRST_DESCRIPTOR + this.list.push(descriptor) - 1;
  }
}

const FIRST_DESCRIPTOR = 3;

/** Something of the host's that a jailed program sees, at `at`. */
export interface JailPlace {
  readonly source: string;
  readonly at: string;
  /** Default `file`: one file or folder to look at, programs in it can be executed. A share comes with what is mounted below it. */
  readonly kind?: 'file' | 'share' | 'share-read-only';
}

/** The world of a program: namespaces of its own, in which there is what is named here. */
export interface Jail {
  /** A pinned network namespace; null: an empty one. */
  readonly network: string | null;
  /** Gets its output. */
  readonly log: string | null;
  readonly descriptors: readonly Descriptor[];
  readonly places: readonly JailPlace[];
  readonly kvm?: boolean;
  /** A read-only /proc of its own process namespace. */
  readonly proc?: boolean;
  /** Root with these capabilities, by number (capabilities(7)); default: a user of its own with none. */
  readonly keep?: readonly number[];
  /** Seconds after which it is killed, whatever becomes of this process: then `startJailed` waits for its end. */
  readonly deadline?: number;
}

/** What starting a jailed program takes. */
export interface Jailer {
  readonly host: Pick<Host, 'exec' | 'processes'>;
  /** Path of hull-jail, which may lie inside the executable. */
  readonly jailProgram: string;
}

/** `0x7000_0000`: a range that nobody hands out (systemd's UIDS-GIDS.md calls it unused), as long as process ids go. */
export const FIRST_USER = 1_879_048_192;

/** The user that a jailed program runs as: process ids tell all that run apart, whichever engine started them, so its user is its own. */
export function userOf(pid: number): number {
  return FIRST_USER + pid;
}

/**
 * Starts a program in a jail, in a session of its own; resolves when it is executed. Rejects `start-failed` with the step that the host refused: it
 * never runs with less than all of the jail.
 */
export async function startJailed(
  { host, jailProgram }: Jailer,
  jail: Jail,
  command: readonly string[],
): Promise<ProcessHandle> {
  const launcher = [host.exec.sealed(jailProgram), ...jailArguments(jail), '--', ...command];
  const timeout = ((jail.deadline ?? 0) + LAUNCH_DEADLINE) * 1000;
  const { code, stdout, stderr } = await host.exec.run(launcher, { timeout });
  const pid = Number(/^\d+$/m.exec(stdout)?.[0] ?? 0);
  if (code === 0 && pid > 0) return handleOf(host, pid);
  const said = stderr.trim().slice(-500) || `hull-jail ended with status ${code}`;
  throw new HullError('start-failed', `${command[0]} cannot be confined on this host: ${said}`);
}

/** Seconds: opening what lies on a server that does not answer takes this long at most. */
const LAUNCH_DEADLINE = 30;

/** The options of hull-jail (guest/jail/main.c). Pure. */
function jailArguments(jail: Jail): string[] {
  return [
    ...(jail.network === null ? [] : ['--net', jail.network]),
    ...(jail.log === null ? [] : ['--log', jail.log]),
    ...(jail.keep === undefined ? [] : ['--keep', jail.keep.join(',')]),
    ...(jail.kvm === true ? ['--kvm'] : []),
    ...(jail.proc === true ? ['--proc'] : []),
    ...(jail.deadline === undefined ? [] : ['--deadline', String(jail.deadline)]),
    ...jail.places.flatMap(({ kind = 'file', source, at }) => [`--${kind}`, source, at]),
    ...jail.descriptors.flatMap((one) => [`--${one.kind}`, one.kind === 'tap' ? one.name : one.path]),
  ];
}
