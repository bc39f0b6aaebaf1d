import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { HullError, messageOf } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { parseAddress } from './ipv4.ts';
import { findHolder } from './port-holder.ts';

/** A host port kept for an instance. */
export interface Reservation {
  /** As asked for, with the host port filled in. */
  readonly binding: PortBinding;
  release(): Promise<void>;
}

/**
 * Keeps host ports by listening on them: the firewall leads packets on before they reach the socket, so nothing ever arrives there, but no
 * other program can take the port, a port that is taken already is noticed, and `ss -l` shows who has it.
 */
export class PortReservations {
  readonly #byInstance = new Map<string, Reservation[]>();

  /** All or none. Throws `port-in-use` with port, protocol and holder, `invalid-argument` for a malformed binding. */
  async reserve(instanceId: string, bindings: readonly PortBinding[]): Promise<PortBinding[]> {
    const held: Reservation[] = [];
    try {
      for (const binding of bindings)
        held.push(await listen(checked(binding)).catch((error: unknown) => this.#explain(binding, error)));
    } catch (error) {
      await Promise.all(held.map((reservation) => reservation.release()));
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
    await Promise.all(held.map((reservation) => reservation.release()));
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#byInstance.keys()].map((id) => this.release(id)));
  }

  #explain(binding: PortBinding, error: unknown): never {
    const { protocol, hostIp, hostPort } = binding;
    const where = `${hostIp}:${hostPort}/${protocol}`;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EADDRNOTAVAIL') {
      throw new HullError(
        'invalid-argument',
        `cannot publish ${where}: this host has no address ${hostIp}; use one of its own, or 0.0.0.0 for all`,
        { cause: error },
      );
    }
    if (code !== 'EADDRINUSE')
      throw error instanceof HullError
        ? error
        : new HullError('port-in-use', `cannot publish ${where}: ${messageOf(error)}`, { cause: error });
    const own = this.#ownHolder(binding);
    const holder = own === null ? findHolder(protocol, hostPort) : `the instance ${own.slice(0, 12)}`;
    throw new HullError(
      'port-in-use',
      `cannot publish ${where}: ${holder ?? 'another program'} already uses ${protocol} port ${hostPort}; stop it, or choose another host port (0 for any free one)`,
      { cause: error, details: { port: hostPort, protocol, hostIp, holder } },
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

function checked(binding: PortBinding): PortBinding {
  const { hostIp, hostPort, containerPort, protocol } = binding;
  const isPort = (value: number, least: number) =>
    Number.isInteger(value) && value >= least && value <= 65535;
  if (parseAddress(hostIp) === null)
    throw new HullError(
      'invalid-argument',
      `cannot publish a port on ${JSON.stringify(hostIp)}: not an IPv4 address`,
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
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: binding.hostIp, port: binding.hostPort, backlog: 1, exclusive: true }, () => {
      server.unref();
      const address = server.address();
      const hostPort = typeof address === 'object' && address !== null ? address.port : binding.hostPort;
      const release = () => new Promise<void>((done) => server.close(() => done()));
      resolve({ binding: { ...binding, hostPort }, release });
    });
  });
}

function listenUdp(binding: PortBinding): Promise<Reservation> {
  const socket = createSocket({ type: 'udp4', reuseAddr: false });
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
