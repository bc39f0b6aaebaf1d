import { appendFileSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Host } from './host.ts';
import { SyscallError } from './libc.ts';

/** What is to fail, as a test writes it to the plan's file (JSON). Counting begins anew with each new `serial`. */
export interface FaultPlan {
  readonly serial: number;
  /** The first call that fails, counted from 1; 0: none, calls are only written down. */
  readonly call: number;
  /** How many calls in a row fail. */
  readonly times: number;
  readonly errno: 'EMFILE' | 'ENOSPC' | 'EAGAIN' | 'ENOMEM' | 'EIO';
  /** `after`: the work is done, and its success is not heard of. */
  readonly when: 'before' | 'after';
}

/** By part of the host, the calls that can fail, and whether they answer at once or by a promise. */
const FALLIBLE: { readonly [Part in keyof Host]?: Readonly<Record<string, 'now' | 'later'>> } = {
  exec: { run: 'later', must: 'later', spawn: 'now' },
  mounts: { overlay: 'now', bind: 'now', mount: 'now', unmount: 'later', detach: 'now' },
  namespaces: { createNet: 'now', removeNet: 'later' },
  files: {
    ...{ writeDurable: 'later', fsync: 'later', syncFilesystem: 'later', removeTree: 'later' },
    ...{ openInRoot: 'now', mkdirInRoot: 'now' },
  },
  sockets: { connectPackets: 'later', packetPair: 'later' },
};

/**
 * A host whose n-th call fails, for tests: the real daemon gets one by the environment variable HULL_FAULTS, the path of a file with a `FaultPlan`. The
 * plan is read at each call, so that a test changes it while the daemon runs; which calls were made since is added to `PATH.calls`, a line each.
 */
export function withFaults(host: Host, path: string): Host {
  const faults = new Faults(path);
  return {
    exec: faulty('exec', host.exec, faults),
    mounts: faulty('mounts', host.mounts, faults),
    namespaces: faulty('namespaces', host.namespaces, faults),
    files: faulty('files', host.files, faults),
    processes: host.processes,
    sockets: faulty('sockets', host.sockets, faults),
  };
}

class Faults {
  readonly #path: string;
  #serial = -1;
  #calls = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Counts a call; the failure that it is to have, and when. */
  next(call: string): { readonly error: Error; readonly when: FaultPlan['when'] } | null {
    const plan = this.#plan();
    if (plan === null) return null;
    if (plan.serial !== this.#serial) [this.#serial, this.#calls] = [plan.serial, 0];
    this.#calls += 1;
    appendFileSync(`${this.#path}.calls`, `${plan.serial} ${this.#calls} ${call}\n`);
    if (plan.call === 0 || this.#calls < plan.call || this.#calls >= plan.call + plan.times) return null;
    return { error: new SyscallError(call, constants.errno[plan.errno], '(injected)'), when: plan.when };
  }

  #plan(): FaultPlan | null {
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as FaultPlan;
    } catch {
      // No plan, or one that is just being written.
      return null;
    }
  }
}

function faulty<Part extends object>(name: keyof Host, part: Part, faults: Faults): Part {
  const fallible = FALLIBLE[name] ?? {};
  return new Proxy(part, {
    get: (target, key): unknown => {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== 'function') return member;
      const answer = fallible[String(key)];
      const call = (...given: unknown[]): unknown => Reflect.apply(member, target, given);
      if (answer === undefined) return call;
      return (...given: unknown[]): unknown => {
        const label = `${name}.${String(key)} ${labelOf(given[0])}`;
        return answer === 'now' ? failNow(faults, label, call, given) : failLater(faults, label, call, given);
      };
    },
  });
}

function failNow(
  faults: Faults,
  label: string,
  call: (...given: unknown[]) => unknown,
  given: unknown[],
): unknown {
  const fault = faults.next(label);
  if (fault === null) return call(...given);
  if (fault.when === 'after') call(...given);
  throw fault.error;
}

async function failLater(
  faults: Faults,
  label: string,
  call: (...given: unknown[]) => unknown,
  given: unknown[],
): Promise<unknown> {
  const fault = faults.next(label);
  if (fault === null) return await call(...given);
  if (fault.when === 'after') await call(...given);
  throw fault.error;
}

/** What a call is about: its program, or the end of its path. */
function labelOf(first: unknown): string {
  if (Array.isArray(first)) return String(first[0]).split('/').at(-1) ?? '';
  return typeof first === 'string' ? first.slice(-40) : '';
}
