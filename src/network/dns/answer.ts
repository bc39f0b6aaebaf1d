import packet from 'dns-packet';
import { formatIp, parseIp } from '../../lib/ip.ts';
import type { NameView } from './names.ts';

/** Seconds: short, because an instance's address changes when it is started again. */
const TTL = 5;
const HEADER = 12;
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const RECURSION_AVAILABLE = 0x0080;
const TRUNCATED = 0x0200;
/** What a client that says nothing of it takes by UDP (RFC 1035, section 4.2.1), and what a message by TCP can have. */
const LEAST_UDP = 512;
const MOST_TCP = 0xffff;
const CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;

/** What to do with a query: answer it, forward it, or stay silent. */
export type Decision =
  | { readonly kind: 'answer'; readonly data: Uint8Array }
  | { readonly kind: 'forward' }
  | { readonly kind: 'drop' };

/**
 * Decides about one query as it came (RFC 1035, section 4). Instances' names and their subnets' reverse names are answered here, everything else
 * is forwarded as it is, where that is allowed. An answer by UDP is no longer than the client takes. Never throws, whatever the bytes are.
 */
export function decide(query: Uint8Array, names: NameView, transport: 'udp' | 'tcp' = 'udp'): Decision {
  if (query.byteLength < HEADER) return { kind: 'drop' };
  const flags = viewOf(query).getUint16(2);
  if ((flags & RESPONSE) !== 0) return { kind: 'drop' };
  if (((flags >> 11) & 0xf) !== 0) return { kind: 'answer', data: failure(query, 'NOTIMP') };
  const asked = questionOf(query);
  if (asked === null) return { kind: 'answer', data: failure(query, 'FORMERR') };
  const { question, room } = asked;
  const reply = local(question, names);
  if (reply === null)
    return names.forwards ? { kind: 'forward' } : { kind: 'answer', data: failure(query, 'SERVFAIL') };
  return { kind: 'answer', data: encode(query, question, reply, transport === 'tcp' ? MOST_TCP : room) };
}

/** A reply without records: header and nothing else, which every resolver accepts for an error. */
export function failure(query: Uint8Array, code: keyof typeof CODES): Uint8Array {
  const reply = new Uint8Array(HEADER);
  const view = viewOf(reply);
  view.setUint16(0, viewOf(query).getUint16(0));
  // The operation and "recursion desired" are the query's.
  view.setUint16(2, RESPONSE | (viewOf(query).getUint16(2) & 0x7900) | RECURSION_AVAILABLE | CODES[code]);
  return reply;
}

/**
 * The one question of a query, and how long an answer by UDP its client takes (EDNS; RFC 6891, section 6.2.3); null when the packet is
 * malformed or has another number of questions.
 */
function questionOf(query: Uint8Array): { question: packet.Question; room: number } | null {
  try {
    const decoded = packet.decode(Buffer.from(query.buffer, query.byteOffset, query.byteLength));
    const { questions: [question, ...more] = [], additionals = [] } = decoded;
    if (question === undefined || more.length > 0) return null;
    const edns = additionals.flatMap((record) => (record.type === 'OPT' ? [record.udpPayloadSize] : []));
    return { question, room: Math.max(LEAST_UDP, ...edns) };
  } catch {
    return null;
  }
}

interface Reply {
  readonly code: keyof typeof CODES;
  readonly answers: packet.Answer[];
}

/** Null when somebody else has to answer. */
function local(question: packet.Question, names: NameView): Reply | null {
  const reversed = reverseAddress(question.name);
  if (reversed !== null && names.covers(reversed)) {
    const name = names.reverse(reversed);
    if (name === null) return { code: 'NXDOMAIN', answers: [] };
    const answers: packet.Answer[] =
      question.type === 'PTR' ? [{ type: 'PTR', name: question.name, ttl: TTL, data: name }] : [];
    return { code: 'NOERROR', answers };
  }
  const addresses = names.lookup(question.name);
  if (addresses === null) return null;
  // A known name without a record of this type (MX; AAAA without IPv6): no error and no answer, so that resolvers go on with A.
  const answers = addresses.flatMap((data): packet.Answer[] => {
    const type = data.includes(':') ? 'AAAA' : 'A';
    return [type, 'ANY'].includes(question.type) ? [{ type, name: question.name, ttl: TTL, data }] : [];
  });
  return { code: 'NOERROR', answers };
}

function encode(query: Uint8Array, question: packet.Question, reply: Reply, room: number): Uint8Array {
  const recursionDesired = viewOf(query).getUint16(2) & 0x0100;
  try {
    const answers = fitting(question, reply.answers, room);
    const cut = answers.length < reply.answers.length ? TRUNCATED : 0;
    return packet.encode({
      type: 'response',
      id: viewOf(query).getUint16(0),
      flags: AUTHORITATIVE | cut | recursionDesired | RECURSION_AVAILABLE | CODES[reply.code],
      questions: [question],
      answers,
    });
  } catch {
    return failure(query, 'SERVFAIL');
  }
}

/** As many as there is room for: a client that wants all asks again by TCP. */
function fitting(
  question: packet.Question,
  answers: readonly packet.Answer[],
  room: number,
): packet.Answer[] {
  let left = room - packet.encodingLength({ questions: [question] });
  const count = answers.findIndex((answer) => {
    left -= packet.encodingLength({ answers: [answer] }) - HEADER;
    return left < 0;
  });
  return answers.slice(0, count < 0 ? answers.length : count);
}

/** The address that `4.3.2.1.in-addr.arpa` or a name of 32 digits below `ip6.arpa` speaks of; null for any other name. */
function reverseAddress(name: string): string | null {
  const quad = /^(\d+\.\d+\.\d+\.\d+)\.in-addr\.arpa\.?$/i.exec(name)?.[1];
  const digits = /^((?:[0-9a-f]\.){32})ip6\.arpa\.?$/i.exec(name)?.[1];
  const text =
    quad?.split('.').toReversed().join('.') ??
    digits
      ?.replaceAll('.', '')
      .split('')
      .toReversed()
      .join('')
      .replaceAll(/.{4}(?=.)/g, '$&:');
  const address = parseIp(text ?? '');
  return address === null ? null : formatIp(address);
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
