import type { PortBinding } from '../../../api/docker.ts';

/** One published port: `port/protocol` inside, and where on the host. */
export interface PublishedPort {
  readonly port: string;
  readonly binding: PortBinding;
}

const MAXIMUM_PORT = 65_535;

/**
 * docker's `-p`: `[[ip:][hostPort]:]port[/protocol]` with ranges of equal length (`8000-8010:80-90`), IPv6 in brackets.
 * Throws an Error that says what is wrong.
 */
export function parsePublish(value: string): readonly PublishedPort[] {
  const match = /^(?:(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*)):)?(?:([\d-]*):)?([\d-]+)(?:\/([a-z]+))?$/.exec(
    value,
  );
  if (match === null) throw new Error("it must look like '[[ADDRESS:]HOST_PORT:]PORT[/tcp|/udp]'");
  const [, ipv6, beforeColon, middle, inside = '', protocol = 'tcp'] = match;
  // With one colon, what stands before it is the host's port; with two, the address.
  const hostIp = ipv6 ?? (middle === undefined ? '' : (beforeColon ?? ''));
  const hostPorts = middle ?? (ipv6 === undefined ? (beforeColon ?? '') : '');
  checkAddress(hostIp);
  checkProtocol(protocol);
  const inner = range(inside);
  // Port 0 is any free one, as an absent port is.
  const outer = hostPorts === '' || /^0+$/.test(hostPorts) ? null : range(hostPorts);
  return inner.map((port, at) => {
    return {
      port: `${port}/${protocol}`,
      binding: { HostIp: hostIp, HostPort: hostPort(outer, inner.length, at) },
    };
  });
}

/** `--expose`: `80`, `80/udp`, `8000-8010`. */
export function parseExpose(value: string): readonly string[] {
  const [ports = '', protocol = 'tcp'] = value.split('/');
  checkProtocol(protocol);
  return range(ports).map((port) => `${port}/${protocol}`);
}

function hostPort(outer: readonly number[] | null, count: number, at: number): string {
  if (outer === null) return '';
  if (outer.length === count) return String(outer[at]);
  // A range for one port lets the engine choose within it.
  if (count === 1) return `${outer[0]}-${outer.at(-1)}`;
  throw new Error('the two port ranges have different lengths');
}

function range(text: string): readonly number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > MAXIMUM_PORT || last < first) {
    throw new Error(`${JSON.stringify(text)} is not a port or a range of ports (1-65535)`);
  }
  return Array.from({ length: last - first + 1 }, (_unused, at) => first + at);
}

function checkAddress(address: string): void {
  if (address === '' || /^[0-9a-fA-F:.%]+$/.test(address)) return;
  throw new Error(`${JSON.stringify(address)} is not an IP address`);
}

function checkProtocol(protocol: string): void {
  if (!['tcp', 'udp', 'sctp'].includes(protocol))
    throw new Error(`the protocol ${JSON.stringify(protocol)} is not tcp or udp`);
}
