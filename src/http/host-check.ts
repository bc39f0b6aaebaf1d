import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { HullError } from '../model/errors.ts';
import type { RequestHeaders } from './wire/request-head.ts';

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/**
 * Whether a request over TCP is meant for this daemon. A web page can make its visitor's browser, with the visitor's certificate, send requests
 * anywhere: by a name of its own that it lets point here (the `Host` header shows that name), or across origins (the `Origin` header shows
 * from where).
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>;
  readonly #wildcard: boolean;

  /** `hostname`: what the daemon listens on. `allowed`: other names that it goes by. */
  constructor(hostname: string, allowed: readonly string[]) {
    const own = LOOPBACK.includes(hostname) ? LOOPBACK : [hostname];
    this.#names = new Set([...own, ...allowed].map((name) => name.toLowerCase()));
    this.#wildcard = WILDCARDS.includes(hostname);
  }

  /** Throws `denied`. */
  check(headers: RequestHeaders): void {
    const host = headers['host'] ?? '';
    const name = hostName(host);
    if (name === null || !this.#knows(name)) {
      throw new HullError(
        'denied',
        `the request is for the host ${JSON.stringify(host)}, which is not this engine: use the address that it listens on, or tell it the name with --allowed-host`,
      );
    }
    const { origin } = headers;
    if (origin !== undefined && origin.toLowerCase() !== `https://${host.toLowerCase()}`) {
      throw new HullError('denied', `requests from the origin ${JSON.stringify(origin)} are refused`);
    }
  }

  #knows(name: string): boolean {
    if (this.#names.has(name)) return true;
    // Listening everywhere, the daemon goes by every address of the host; names are another matter.
    return this.#wildcard && isIP(name) !== 0 && ownAddresses().includes(name);
  }
}

/** The host without its port and brackets, in lower case; null when it is none. */
function hostName(host: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(host.toLowerCase());
  return match?.[1] ?? match?.[2] ?? null;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
}
