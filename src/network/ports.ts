import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { createServer, isIP, isIPv6 } from 'node:net';
import { HullError, messageOf } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { findHolder } from './port-holder.ts';

/** A host port kept for an instance. */
export interface Reservation {
  /** As asked for, with the host port filled in. */
  readonly binding: PortBinding;
  release(): Promise<void>;
}

/** What is tried for "any free port" on two address families at once. */
const ATTEMPTS = 8;

/**
 * Keeps host ports by listening on them: the firewall leads packets on before they reach the socket, so nothing ever arrives there, but no
 * other program can take the port, a port that is taken already is noticed, and `ss -l` shows who has it.
 */
export class PortReservations {
  readonly #byInstance = new Map<string, Reservation[]>();

  /**
   * All or none. The same port for both families of one binding, where any would do. Throws `port-in-use` with port, protocol and holder,
   * `invalid-argument` for a malformed binding.
   */
  async reserve(instanceId: string, bindings: readonly PortBinding[]): Promise<PortBinding[]> {
    const held: Reservation[] = [];
    try {
      for (let at = 0; at < bindings.length;) {
        const group = twinsAt(bindings, at);
        held.push(...(await this.#reserveTogether(group)));
        at += group.length;
      }
    } catch (error) {
      await releaseAll(held);
      throw error;
    }
    if (held.length > 0)
      this.#byInstance.set(instanceId, [...(this.#byInstance.get(instanceId) ?? []), ...held]);
    return held.map((reservation) => reservation.binding);
  }

  /** Fine twice. */
  async release(instanceId: string): Promise<void> {
    const held = this.#byInstance.get(instanceId) ?? [];
    this.#byInstance.delete(instanceId);
    await releaseAll(held);
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#byInstance.keys()].map((id) => this.release(id)));
  }

  /** Bindings of one container port that want the same host port: tried with each candidate until all have it. */
  async #reserveTogether(group: readonly PortBinding[]): Promise<Reservation[]> {
    const [first] = group;
    if (first === undefined) return [];
    const { hostPort, lastHostPort = hostPort } = first;
    const free = hostPort === 0;
    const candidates = free
      ? Array.from({ length: ATTEMPTS }, () => 0)
      : Array.from({ length: lastHostPort - hostPort + 1 }, (_, step) => hostPort + step);
    let failure: unknown = null;
    for (const candidate of candidates) {
      try {
        return await this.#reserveAt(group, candidate);
      } catch (error) {
        failure = error;
        // Only a port in use is a reason to try the next one.
        if (!(error instanceof HullError && error.code === 'port-in-use')) break;
      }
    }
    throw failure;
  }

  async #reserveAt(group: readonly PortBinding[], candidate: number): Promise<Reservation[]> {
    const held: Reservation[] = [];
    let port = candidate;
    try {
      for (const { lastHostPort: _range, ...asked } of group) {
        const binding = checked({ ...asked, hostPort: port });
        const reservation = await this.#listen(binding);
        held.push(reservation);
        port = reservation.binding.hostPort;
      }
      return held;
    } catch (error) {
      await releaseAll(held);
      throw error;
    }
  }

  async #listen(binding: PortBinding): Promise<Reservation> {
    if (binding.protocol === 'sctp') return this.#book(binding);
    return listen(binding).catch((error: unknown) => this.#explain(binding, error));
  }

  /** A port of a protocol that the runtime cannot listen on is kept among this engine's instances alone. */
  #book(binding: PortBinding): Reservation {
    if (!existsSync('/proc/sys/net/sctp'))
      throw new HullError(
        'not-supported',
        `cannot publish ${placeOf(binding)}: this host's kernel has no SCTP; load it with: modprobe sctp`,
      );
    if (binding.hostPort === 0)
      throw new HullError(
        'invalid-argument',
        `cannot publish ${binding.containerPort}/sctp on any free port: name the host port`,
      );
    if (this.#ownHolder(binding) !== null) this.#inUse(binding, null);
    return { binding, release: () => Promise.resolve() };
  }

  #explain(binding: PortBinding, error: unknown): never {
    const where = placeOf(binding);
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EADDRNOTAVAIL') {
      throw new HullError(
        'invalid-argument',
        `cannot publish ${where}: this host has no address ${binding.hostIp}; use one of its own, or 0.0.0.0 for all`,
        { cause: error },
      );
    }
    if (code === 'EADDRINUSE') this.#inUse(binding, error);
    throw error instanceof HullError
      ? error
      : new HullError('port-in-use', `cannot publish ${where}: ${messageOf(error)}`, { cause: error });
  }

  #inUse(binding: PortBinding, cause: unknown): never {
    const { protocol, hostIp, hostPort } = binding;
    const own = this.#ownHolder(binding);
    const holder = own === null ? findHolder(protocol, hostPort) : `the instance ${own.slice(0, 12)}`;
    const address = hostIp.includes(':') ? `[${hostIp}]` : hostIp;
    // The beginning is Docker's, which its clients look for.
    throw new HullError(
      'port-in-use',
      `cannot publish ${placeOf(binding)}: Bind for ${address}:${hostPort} failed: port is already allocated: ${holder ?? 'another program'} already uses ${protocol} port ${hostPort}; stop it, or choose another host port (0 for any free one)`,
      { cause, details: { port: hostPort, protocol, hostIp, holder } },
    );
  }

  #ownHolder({ protocol, hostPort }: PortBinding): string | null {
    for (const [id, held] of this.#byInstance) {
      if (held.some(({ binding }) => binding.protocol === protocol && binding.hostPort === hostPort))
        return id;
    }
    return null;
  }
}

/** The binding at `at`, with those right behind it that are the same for the other address family. */
function twinsAt(bindings: readonly PortBinding[], at: number): PortBinding[] {
  const key = ({ protocol, containerPort, hostPort, lastHostPort }: PortBinding) =>
    JSON.stringify([protocol, containerPort, hostPort, lastHostPort]);
  const [first, next] = bindings.slice(at, at + 2);
  if (first === undefined) return [];
  const twins =
    next !== undefined && first.hostIp === '0.0.0.0' && next.hostIp === '::' && key(first) === key(next);
  return twins ? [first, next] : [first];
}

async function releaseAll(held: readonly Reservation[]): Promise<void> {
  await Promise.all(held.map((reservation) => reservation.release()));
}

function placeOf({ protocol, hostIp, hostPort }: PortBinding): string {
  return `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:${hostPort}/${protocol}`;
}

function checked(binding: PortBinding): PortBinding {
  const { hostIp, hostPort, containerPort, protocol } = binding;
  const isPort = (value: number, least: number) =>
    Number.isInteger(value) && value >= least && value <= 65535;
  if (isIP(hostIp) === 0)
    throw new HullError(
      'invalid-argument',
      `cannot publish a port on ${JSON.stringify(hostIp)}: not an IP address`,
    );
  if (!isPort(hostPort, 0))
    throw new HullError(
      'invalid-argument',
      `the host port ${hostPort}/${protocol} is not between 0 and 65535`,
    );
  if (!isPort(containerPort, 1))
    throw new HullError(
      'invalid-argument',
      `the instance's port ${containerPort}/${protocol} is not between 1 and 65535`,
    );
  return binding;
}

function listen(binding: PortBinding): Promise<Reservation> {
  return binding.protocol === 'tcp' ? listenTcp(binding) : listenUdp(binding);
}

function listenTcp(binding: PortBinding): Promise<Reservation> {
  const server = createServer((socket) => socket.destroy());
  const { hostIp: host, hostPort: port } = binding;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1, exclusive: true, ipv6Only: isIPv6(host) }, () => {
      server.unref();
      const address = server.address();
      const hostPort = typeof address === 'object' && address !== null ? address.port : port;
      const release = () => new Promise<void>((done) => server.close(() => done()));
      resolve({ binding: { ...binding, hostPort }, release });
    });
  });
}

function listenUdp(binding: PortBinding): Promise<Reservation> {
  const ipv6 = isIPv6(binding.hostIp);
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', reuseAddr: false, ipv6Only: ipv6 });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: binding.hostIp, port: binding.hostPort, exclusive: true }, () => {
      socket.unref();
      socket.on('error', () => undefined);
      const release = () => new Promise<void>((done) => void socket.close(() => done()));
      resolve({ binding: { ...binding, hostPort: socket.address().port }, release });
    });
  });
}
