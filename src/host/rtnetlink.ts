/**
 * Encodes the few route netlink messages that bring up a link inside a namespace (linux/netlink.h, linux/rtnetlink.h; little endian, as on
 * every architecture that the engine supports). Pure: `net-namespace.ts` sends them.
 */
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const NLMSG_ERROR = 2;
const NLMSG_HEADER = 16;
const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const AF_INET = 2;
const AF_INET6 = 10;
/** No duplicate address detection: the engine gave the address to nobody else, and an address that waits for it cannot be used for a second. */
const IFA_F_NODAD = 0x02;
const IPV6_BYTES = 16;
const IFF_UP = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

/** Sets the link with this index up. */
export function linkUp(sequence: number, index: number): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, IFF_UP, true);
  view.setUint32(12, IFF_UP, true);
  return message(RTM_NEWLINK, 0, sequence, body);
}

/** Adds an address: four bytes (IPv4) or sixteen (IPv6), in network order. */
export function addAddress(
  sequence: number,
  index: number,
  address: Uint8Array,
  prefixLength: number,
): Uint8Array {
  const ipv6 = address.byteLength === IPV6_BYTES;
  const body = new Uint8Array(8);
  body[0] = ipv6 ? AF_INET6 : AF_INET;
  body[1] = prefixLength;
  body[2] = ipv6 ? IFA_F_NODAD : 0;
  new DataView(body.buffer).setUint32(4, index, true);
  const attributes = [
    attribute(IFA_LOCAL, address),
    attribute(IFA_ADDRESS, address),
    ...(ipv6 ? [] : [attribute(IFA_BROADCAST, broadcastOf(address, prefixLength))]),
  ];
  return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sequence, concat([body, ...attributes]));
}

/** Adds the default route through a gateway. */
export function addDefaultRoute(sequence: number, gateway: Uint8Array): Uint8Array {
  const family = gateway.byteLength === IPV6_BYTES ? AF_INET6 : AF_INET;
  const body = Uint8Array.of(family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST, 0, 0, 0, 0);
  return message(
    RTM_NEWROUTE,
    NLM_F_CREATE | NLM_F_EXCL,
    sequence,
    concat([body, attribute(RTA_GATEWAY, gateway)]),
  );
}

/** The acknowledgements in a received datagram: sequence number and errno (0 for success). Anything else is skipped. */
export function acknowledgements(data: Uint8Array): { sequence: number; errno: number }[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const found: { sequence: number; errno: number }[] = [];
  let offset = 0;
  while (offset + NLMSG_HEADER <= data.byteLength) {
    const length = view.getUint32(offset, true);
    if (length < NLMSG_HEADER || offset + length > data.byteLength) break;
    const isError = view.getUint16(offset + 4, true) === NLMSG_ERROR && length >= NLMSG_HEADER + 4;
    if (isError)
      found.push({
        sequence: view.getUint32(offset + 8, true),
        errno: Math.abs(view.getInt32(offset + 16, true)),
      });
    offset += align(length);
  }
  return found;
}

/** Byte strings, one after another. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.byteLength;
  }
  return all;
}

function message(type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array {
  const all = new Uint8Array(align(NLMSG_HEADER + body.byteLength));
  const view = new DataView(all.buffer);
  view.setUint32(0, NLMSG_HEADER + body.byteLength, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | flags, true);
  view.setUint32(8, sequence, true);
  all.set(body, NLMSG_HEADER);
  return all;
}

function attribute(type: number, value: Uint8Array): Uint8Array {
  const all = new Uint8Array(align(4 + value.byteLength));
  const view = new DataView(all.buffer);
  view.setUint16(0, 4 + value.byteLength, true);
  view.setUint16(2, type, true);
  all.set(value, 4);
  return all;
}

function broadcastOf(address: Uint8Array, prefixLength: number): Uint8Array {
  const value = new DataView(address.buffer, address.byteOffset, 4).getUint32(0);
  const hostBits = prefixLength === 0 ? 0xffff_ffff : 2 ** (32 - prefixLength) - 1;
  const broadcast = new Uint8Array(4);
  new DataView(broadcast.buffer).setUint32(0, (value | hostBits) >>> 0);
  return broadcast;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
