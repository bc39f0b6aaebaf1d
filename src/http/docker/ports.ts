import type { PortBinding as WirePortBinding, PortMap, PortSummary } from '../../../api/docker.ts';
import { HullError } from '../../model/errors.ts';
import type { Instance, PortBinding } from '../../model/instance.ts';

/** `80`, `80/tcp`, `1812/udp`. Throws `invalid-argument`; `field` is named in the message. */
export function parsePort(field: string, text: string): { port: number; protocol: 'tcp' | 'udp' } {
  const [digits = '', protocol = 'tcp', ...rest] = text.split('/');
  const port = portNumber(digits);
  if (port === null || port === 0 || rest.length > 0) {
    throw new HullError('invalid-argument', `${field}: "${text}" is not a port such as 80/tcp (1-65535)`);
  }
  const lower = protocol.toLowerCase();
  if (lower === 'sctp')
    throw new HullError('not-supported', `${field}: SCTP ports cannot be published; use tcp or udp`);
  if (lower !== 'tcp' && lower !== 'udp') {
    throw new HullError('invalid-argument', `${field}: "${text}" has an unknown protocol; use tcp or udp`);
  }
  return { port, protocol: lower };
}

/** `PortMap` as clients write it: anything may be null. */
type PortBindingsBody = Readonly<
  Record<
    string,
    readonly { HostIp?: string | null | undefined; HostPort?: string | null | undefined }[] | null | undefined
  >
>;

/** `HostConfig.PortBindings` in our words. An empty host port asks for a free one. */
export function parsePortBindings(map: PortBindingsBody): readonly PortBinding[] {
  return Object.entries(map).flatMap(([key, bindings]) => {
    const field = `HostConfig.PortBindings.${key}`;
    const { port, protocol } = parsePort(field, key);
    return (bindings ?? []).map((binding) => ({
      protocol,
      containerPort: port,
      hostIp: hostIp(field, binding.HostIp ?? ''),
      hostPort: hostPort(field, binding.HostPort ?? ''),
    }));
  });
}

function hostIp(field: string, text: string): string {
  if (text === '') return '0.0.0.0';
  if (text.includes(':')) {
    throw new HullError(
      'not-supported',
      `${field}: publishing on the IPv6 address ${text} is not supported; use IPv4`,
    );
  }
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    throw new HullError('invalid-argument', `${field}: "${text}" is not an IP address`);
  }
  return text;
}

function hostPort(field: string, text: string): number {
  if (text === '') return 0;
  const port = portNumber(text);
  if (port !== null) return port;
  if (/^\d+-\d+$/.test(text)) {
    throw new HullError(
      'not-supported',
      `${field}: a range of host ports (${text}) is not supported; name one, or none`,
    );
  }
  throw new HullError('invalid-argument', `${field}: "${text}" is not a port (0-65535)`);
}

function portNumber(text: string): number | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

const keyOf = (binding: PortBinding) => `${binding.containerPort}/${binding.protocol}`;

/** Ports for inspect: as asked (`config.ports`) or as they are (`status.ports`); exposed ones map to null where `exposed` are given. */
export function portMap(ports: readonly PortBinding[], exposed: readonly string[]): PortMap {
  const map: Record<string, WirePortBinding[] | null> = {};
  for (const key of exposed) map[key] = null;
  for (const binding of ports) {
    const list = (map[keyOf(binding)] ??= []);
    list.push({ HostIp: binding.hostIp, HostPort: binding.hostPort === 0 ? '' : String(binding.hostPort) });
  }
  return map;
}

/** Ports of a listed instance, ordered by private port, then address, as Docker has them. Published ones only while it runs. */
export function portSummaries(instance: Instance): readonly PortSummary[] {
  const running = instance.status.state === 'running' || instance.status.state === 'stopping';
  if (!running) return [];
  const published = instance.status.ports.map((binding): PortSummary => ({
    IP: binding.hostIp,
    PrivatePort: binding.containerPort,
    PublicPort: binding.hostPort,
    Type: binding.protocol,
  }));
  const taken = new Set(instance.status.ports.map(keyOf));
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
