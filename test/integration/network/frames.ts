/** Ethernet frames as hostile computers and instances would send them. All addresses are text; everything here is pure. */
import { type Address, bytesOf, parseIp } from '../../../src/lib/ip.ts';

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
export const ALL_NODES = { mac: '33:33:00:00:00:01', ip: 'ff02::1' };

export interface Ends {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
}

const bytesOfMac = (mac: string): number[] => mac.split(':').map((part) => parseInt(part, 16));
export const bytesOfIp = (text: string): number[] => [...bytesOf(parseIp(text) as Address)];
const word = (value: number): number[] => [value >> 8, value & 255];

function checksum(bytes: readonly number[]): number[] {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return word(~sum & 0xffff);
}

export function ethernet(fromMac: string, toMac: string, type: number, payload: readonly number[]): string {
  const frame = [...bytesOfMac(toMac), ...bytesOfMac(fromMac), ...word(type), ...payload];
  return Buffer.from(frame).toString('hex');
}

/** RFC 826: `operation` 1 asks, 2 answers. */
export function arp(ends: Ends, operation: number, senderMac = ends.fromMac): string {
  const target = operation === 1 ? '00:00:00:00:00:00' : ends.toMac;
  const body = [
    ...bytesOfMac(senderMac),
    ...bytesOfIp(ends.from),
    ...bytesOfMac(target),
    ...bytesOfIp(ends.to),
  ];
  return ethernet(ends.fromMac, ends.toMac, 0x0806, [0, 1, 8, 0, 6, 4, ...word(operation), ...body]);
}

/** A datagram of either family. `tags`: VLAN identifiers in front of it. */
export function udp(
  ends: Ends,
  ports: readonly [number, number],
  text: string,
  tags: readonly number[] = [],
): string {
  const data = [...Buffer.from(text)];
  const header = (sum: readonly number[]) => [
    ...word(ports[0]),
    ...word(ports[1]),
    ...word(8 + data.length),
    ...sum,
  ];
  const sum = pseudo(ends, 17, [...header([0, 0]), ...data]);
  const [type, packet] = ip(ends, 17, [...header(sum), ...data], 64);
  const types = [...tags.map(() => 0x8100), type];
  const rest = tags.flatMap((tag, index) => [...word(tag), ...word(types[index + 1] ?? type)]);
  return ethernet(ends.fromMac, ends.toMac, types[0] ?? type, [...rest, ...packet]);
}

/** Any other protocol of IPv4. */
export function ipv4(ends: Ends, protocol: number, payload: readonly number[]): string {
  const [type, packet] = ip(ends, protocol, payload, 64);
  return ethernet(ends.fromMac, ends.toMac, type, packet);
}

/** ICMPv6 as neighbour discovery wants it: 255 hops. `extension`: whether a destination options header stands before it. */
export function icmp6(ends: Ends, type: number, body: readonly number[], extension = false): string {
  const sum = pseudo(ends, 58, [type, 0, 0, 0, ...body]);
  const message = [type, 0, ...sum, ...body];
  const [ether, packet] = extension
    ? ip(ends, 60, [58, 0, 1, 4, 0, 0, 0, 0, ...message], 255)
    : ip(ends, 58, message, 255);
  return ethernet(ends.fromMac, ends.toMac, ether, packet);
}

/** The same in two fragments, of which only the second has the message. */
export function fragmented6(ends: Ends, type: number, body: readonly number[]): string[] {
  const sum = pseudo(ends, 58, [type, 0, 0, 0, ...body]);
  const options = [58, 0, 1, 4, 0, 0, 0, 0];
  const fragment = (next: number, offset: number, more: number, data: readonly number[]) => {
    const [ether, packet] = ip(ends, 44, [next, 0, ...word((offset << 3) | more), 0, 0, 7, 7, ...data], 255);
    return ethernet(ends.fromMac, ends.toMac, ether, packet);
  };
  return [fragment(60, 0, 1, options), fragment(60, 1, 0, [type, 0, ...sum, ...body])];
}

/** RFC 4861: a router of this hardware address, for half an hour, and a prefix to make addresses of. */
export function routerAdvertisement(
  ends: Ends,
  prefix: string,
  options: { extension?: boolean } = {},
): string {
  return icmp6(ends, 134, advertisementBody(ends, prefix), options.extension);
}

export function advertisementBody(ends: Ends, prefix: string): number[] {
  const lasting = [0, 0, 7, 8, 0, 0, 7, 8];
  const about = [3, 4, 64, 0xc0, ...lasting, 0, 0, 0, 0, ...bytesOfIp(prefix)];
  return [64, 0, ...word(1800), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, ...bytesOfMac(ends.fromMac), ...about];
}

/** Solicited and overriding: `target` is at the sender's hardware address. */
export function neighbourAdvertisement(ends: Ends, target: string): string {
  return icmp6(ends, 136, [0x60, 0, 0, 0, ...bytesOfIp(target), 2, 1, ...bytesOfMac(ends.fromMac)]);
}

export function neighbourSolicitation(ends: Ends, target: string): string {
  return icmp6(ends, 135, [0, 0, 0, 0, ...bytesOfIp(target)]);
}

/** ICMP: `to` should be reached through `gateway`. The body is the packet that it is about. */
export function redirect(ends: Ends, gateway: string, about: Ends): string {
  const [, packet] = ip(about, 17, [0, 53, 0, 53, 0, 8, 0, 0], 64);
  const body = [...bytesOfIp(gateway), ...packet];
  const message = [5, 1, ...checksum([5, 1, 0, 0, ...body]), ...body];
  const [type, whole] = ip(ends, 1, message, 64);
  return ethernet(ends.fromMac, ends.toMac, type, whole);
}

function ip(
  { from, to }: Ends,
  protocol: number,
  payload: readonly number[],
  hops: number,
): [number, number[]] {
  if (from.includes(':'))
    return [
      0x86dd,
      [
        0x60,
        0,
        0,
        0,
        ...word(payload.length),
        protocol,
        hops,
        ...bytesOfIp(from),
        ...bytesOfIp(to),
        ...payload,
      ],
    ];
  const header = (sum: readonly number[]) => [
    ...[0x45, 0, ...word(20 + payload.length), 0, 7, 0, 0, hops, protocol],
    ...sum,
    ...bytesOfIp(from),
    ...bytesOfIp(to),
  ];
  return [0x0800, [...header(checksum(header([0, 0]))), ...payload]];
}

function pseudo({ from, to }: Ends, protocol: number, payload: readonly number[]): number[] {
  const length = from.includes(':')
    ? [0, 0, ...word(payload.length), 0, 0, 0, protocol]
    : [0, protocol, ...word(payload.length)];
  return checksum([...bytesOfIp(from), ...bytesOfIp(to), ...length, ...payload]);
}
