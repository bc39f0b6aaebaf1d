/** IPv4 addresses and subnets as numbers. IPv6 comes beside it, behind the same lists of addresses. */
export interface Subnet {
  /** First address, as an unsigned 32-bit number. */
  readonly base: number;
  readonly prefixLength: number;
}

const QUAD = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** A dotted quad as an unsigned number; null when it is not one. */
export function parseAddress(text: string): number | null {
  if (!QUAD.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  return parts.reduce((value, part) => value * 256 + part, 0);
}

export function formatAddress(value: number): string {
  return bytesOf(value).join('.');
}

/** Four bytes in network order. */
export function bytesOf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** `a.b.c.d/n`, where host bits are cut off; a bare address is a /32. Null when malformed. */
export function parseSubnet(text: string): Subnet | null {
  const [address = '', prefix = '32', ...rest] = text.split('/');
  const value = parseAddress(address);
  if (value === null || rest.length > 0 || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) return null;
  const size = 2 ** (32 - Number(prefix));
  return { base: value - (value % size), prefixLength: Number(prefix) };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefixLength}`;
}

/** How many addresses it has, network and broadcast address included. */
export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefixLength);
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

/** The hardware address that goes with an address, so that a reused address never meets a stale neighbour entry (as Docker does). */
export function macOf(address: number): string {
  return ['02', '42', ...Array.from(bytesOf(address), (byte) => byte.toString(16).padStart(2, '0'))].join(
    ':',
  );
}
