import { isIP } from 'node:net';
import type { PortBinding as WirePortBinding, PortMap, PortSummary } from '../../../api/docker.ts';
import { HullError } from '../../model/errors.ts';
import { networkOf } from '../../model/instance-status.ts';
import { canonical } from '../../lib/ip.ts';
import type { Instance, PortBinding } from '../../model/instance.ts';

/** A range for media streams has ten thousand. */
const MOST_PORTS = 16_384;

/** `80`, `80/tcp`, `1812/udp`. Throws `invalid-argument`; `field` is named in the message. */
export function parsePort(
  field: string,
  text: string,
): {
  port: number;
  protocol: PortBinding['protocol'];
} {
  const [digits = '', protocol = 'tcp', ...rest] = text.split('/');
  const port = portNumber(digits);
  if (port === null || port === 0 || rest.length > 0) {
    throw new HullError('invalid-argument', `${field}: "${text}" is not a port such as 80/tcp (1-65535)`);
  }
  const lower = protocol.toLowerCase();
  if (lower !== 'tcp' && lower !== 'udp' && lower !== 'sctp') {
    throw new HullError(
      'invalid-argument',
      `${field}: "${text}" has an unknown protocol; use tcp, udp or sctp`,
    );
  }
  return { port, protocol: lower };
}

interface PortBindingBody {
  readonly HostIp?: string | null | undefined;
  readonly HostPort?: string | null | undefined;
}

/** `PortMap` as clients write it: anything may be null. */
type PortBindingsBody = Readonly<Record<string, readonly PortBindingBody[] | null | undefined>>;

/** `HostConfig.PortBindings` in our words. An empty host port asks for a free one, an empty address for all. */
export function parsePortBindings(map: PortBindingsBody): readonly PortBinding[] {
  const count = Object.values(map).reduce((sum, bindings) => sum + (bindings?.length ?? 0), 0);
  if (count > MOST_PORTS)
    throw new HullError(
      'invalid-argument',
      `HostConfig.PortBindings has ${count} ports; at most ${MOST_PORTS} are published, more are reached with --network host`,
    );
  return Object.entries(map).flatMap(([key, bindings]) => {
    const field = `HostConfig.PortBindings.${key}`;
    const { port, protocol } = parsePort(field, key);
    return (bindings ?? []).map((binding) => ({
      protocol,
      containerPort: port,
      hostIp: hostIp(field, binding.HostIp ?? ''),
      ...hostPorts(field, binding.HostPort ?? ''),
    }));
  });
}

function hostIp(field: string, text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (bare !== '' && isIP(bare) === 0)
    throw new HullError('invalid-argument', `invalid IP address: ${text} (${field})`);
  return canonical(bare);
}

/** One port, or a range of which any free one will do. */
function hostPorts(field: string, text: string): Pick<PortBinding, 'hostPort' | 'lastHostPort'> {
  const [first = '', last, ...rest] = text.split('-');
  const from = first === '' && last === undefined ? 0 : portNumber(first);
  const to = last === undefined ? from : portNumber(last);
  if (from === null || to === null || to < from || rest.length > 0)
    throw new HullError('invalid-argument', `invalid port specification: "${text}" (${field})`);
  return from === to ? { hostPort: from } : { hostPort: from, lastHostPort: to };
}

function portNumber(text: string): number | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

const keyOf = (binding: PortBinding) => `${binding.containerPort}/${binding.protocol}`;

/** Ports for inspect: as asked (`config.ports`) or as they are (`networkOf(status).ports`); exposed ones map to null where `exposed` are given. */
export function portMap(ports: readonly PortBinding[], exposed: readonly string[]): PortMap {
  const map: Record<string, WirePortBinding[] | null> = {};
  for (const key of exposed) map[key] = null;
  for (const binding of ports) {
    const list = (map[keyOf(binding)] ??= []);
    list.push({ HostIp: binding.hostIp, HostPort: hostPortText(binding) });
  }
  return map;
}

function hostPortText({ hostPort, lastHostPort }: PortBinding): string {
  if (lastHostPort !== undefined) return `${hostPort}-${lastHostPort}`;
  return hostPort === 0 ? '' : String(hostPort);
}

/** Ports of a listed instance, ordered by private port, then address, as Docker has them. Published ones only while it runs. */
export function portSummaries(instance: Instance): readonly PortSummary[] {
  const running = ['running', 'paused', 'stopping'].includes(instance.status.state);
  if (!running) return [];
  const published = networkOf(instance.status).ports.map((binding): PortSummary => ({
    IP: binding.hostIp,
    PrivatePort: binding.containerPort,
    PublicPort: binding.hostPort,
    Type: binding.protocol,
  }));
  const taken = new Set(networkOf(instance.status).ports.map(keyOf));
  const exposed = instance.config.exposedPorts
    .filter((key) => !taken.has(key))
    .map((key): PortSummary => {
      const { port, protocol } = parsePort('ExposedPorts', key);
      return { PrivatePort: port, Type: protocol };
    });
  return [...published, ...exposed].toSorted(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      a.Type.localeCompare(b.Type) ||
      (a.IP ?? '').localeCompare(b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0),
  );
}
