/** Addresses and prefixes of both families, as whole numbers. */
export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

export interface Prefix {
  readonly family: Family;
  /** First address. */
  readonly base: bigint;
  readonly length: number;
}

const BITS = { 4: 32, 6: 128 } as const;
const QUAD = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** A dotted quad or RFC 4291's text (an IPv4 tail allowed, no zone); null for anything else. */
export function parseIp(text: string): Address | null {
  if (!text.includes(':')) return parseQuad(text);
  const groups = groupsOf(text);
  if (groups === null) return null;
  return { family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) };
}

function parseQuad(text: string): Address | null {
  if (!QUAD.test(text)) return null;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return null;
  return { family: 4, value: BigInt(parts.reduce((value, part) => value * 256 + part, 0)) };
}

function groupsOf(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = '', tail] = halves;
  const before = half(head, tail === undefined);
  const after = tail === undefined ? [] : half(tail, true);
  if (before === null || after === null) return null;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}

/** The 16-bit groups of one side of `::`. Only the last side may end in an IPv4 address. */
function half(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const words = text.split(':');
  const groups: number[] = [];
  for (const [index, word] of words.entries()) {
    const quad = last && index === words.length - 1 && word.includes('.') ? parseQuad(word) : null;
    if (quad !== null) groups.push(Number(quad.value >> 16n), Number(quad.value & 0xffffn));
    else if (/^[0-9a-f]{1,4}$/i.test(word)) groups.push(parseInt(word, 16));
    else return null;
  }
  return groups;
}

/** As RFC 5952 has it. */
export function formatIp({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  const { at, count } = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return count < 2 ? hex(groups) : `${hex(groups.slice(0, at))}::${hex(groups.slice(at + count))}`;
}

function longestZeros(groups: readonly number[]): { at: number; count: number } {
  let best = { at: 0, count: 0 };
  for (let at = 0; at < groups.length; at++) {
    let count = 0;
    while (groups[at + count] === 0) count++;
    if (count > best.count) best = { at, count };
  }
  return best;
}

/** `address/length`; the host bits are returned too, as `address`. Null when malformed. */
export function parsePrefix(text: string): { prefix: Prefix; address: Address } | null {
  const [head = '', length = '', ...rest] = text.split('/');
  const address = parseIp(head);
  if (address === null || rest.length > 0 || !/^\d{1,3}$/.test(length)) return null;
  const bits = BITS[address.family];
  if (Number(length) > bits) return null;
  const size = 1n << BigInt(bits - Number(length));
  const base = address.value - (address.value % size);
  return { prefix: { family: address.family, base, length: Number(length) }, address };
}

/** The same for IPv4 alone, where host bits are cut off; a bare address is a /32. Null when malformed. */
export function parsePrefix4(text: string): Prefix | null {
  const parsed = parsePrefix(text.includes('/') ? text : `${text}/32`);
  return parsed?.prefix.family === 4 ? parsed.prefix : null;
}

export function formatPrefix({ family, base, length }: Prefix): string {
  return `${formatIp({ family, value: base })}/${length}`;
}

/** How many addresses it has. */
export function sizeOf(prefix: Prefix): bigint {
  return 1n << BigInt(BITS[prefix.family] - prefix.length);
}

export function holds(prefix: Prefix, address: Address): boolean {
  return (
    prefix.family === address.family &&
    address.value >= prefix.base &&
    address.value < prefix.base + sizeOf(prefix)
  );
}

export function overlap(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

/** The address that many steps behind the prefix's first one. */
export function addressAt({ family, base }: Prefix, step: number | bigint): Address {
  return { family, value: base + BigInt(step) };
}

/** In network order: 4 or 16 bytes. */
export function bytesOf({ family, value }: Address): Uint8Array {
  const bits = BITS[family];
  return Uint8Array.from({ length: bits / 8 }, (_, index) =>
    Number((value >> BigInt(bits - 8 - 8 * index)) & 255n),
  );
}

/** The hardware address that goes with an IPv4 address, so that a reused address never meets a stale neighbour entry (as Docker does). */
export function macOf(address: Address): string {
  const bytes = Array.from(bytesOf(address), (byte) => byte.toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/** The link-local address that follows from a hardware address (RFC 4291, appendix A: modified EUI-64). */
export function linkLocalOf(macAddress: string): Address {
  const [a = 0, b = 0, c = 0, ...rest] = macAddress.split(':').map((part) => parseInt(part, 16));
  const bytes = [a ^ 2, b, c, 0xff, 0xfe, ...rest];
  return {
    family: 6,
    value: bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) | (0xfe80n << 112n),
  };
}

/** Canonical text of an address; the text itself when it is none. */
export function canonical(text: string): string {
  const address = parseIp(text);
  return address === null ? text : formatIp(address);
}
