import { leadsAbove, memberBelow } from '../../lib/archive-path.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import { concat } from '../../lib/streams.ts';
import { encodeHeader, TAR_END, type TarMember } from '../../lib/tar/encode.ts';
import { paddingOf } from '../../lib/tar/types.ts';
import { HullError } from '../../model/errors.ts';
import { memberOf, parseRecord, parseXattrs, RECORD_SIZE, type TreeRecord } from './tree-records.ts';

/** A record and what came with it, but for its data. */
export interface TreeEntry {
  readonly record: TreeRecord;
  /** Path in the tree, '' for the tree itself. */
  readonly below: string;
  readonly link: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export interface TarNames {
  /** Name of the tree itself; '' to leave it out. */
  readonly base: string;
  /** Overlayfs's marks become OCI whiteouts, and these paths are left out where nothing is in them. */
  readonly layer?: { readonly stubs: readonly string[] };
}

const OPAQUE = 'trusted.overlay.opaque';

/** Takes a guest's stream of records apart. Throws `guest-unreachable` on anything that breaks the protocol. */
export class TreeReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);
  /** First name of each file that has several. */
  readonly #links = new Map<string, string>();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next record; null at the stream's end. The data of a file must be taken first. */
  async next(): Promise<TreeEntry | null> {
    if (this.#held.length === 0 && !(await this.#more())) return null;
    const record = parseRecord(await this.#take(RECORD_SIZE));
    const below = decodeBytes(await this.#take(record.pathSize));
    const link = decodeBytes(await this.#take(record.linkSize));
    const xattrs = parseXattrs(await this.#take(record.xattrsSize));
    if (below.startsWith('/') || leadsAbove(below) || `${below}${link}`.includes('\0'))
      throw broken('a file has a wrong name');
    return { record, below, link, xattrs };
  }

  /** The bytes of a file, in pieces. */
  async *data(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      if (this.#held.length === 0 && !(await this.#more())) throw broken('a file ends early');
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** All that comes, `first` already taken, as a tar. */
  async *tar(first: TreeEntry | null, names: TarNames): AsyncGenerator<Uint8Array> {
    for (let entry = first ?? (await this.next()); entry !== null; entry = await this.next())
      yield* this.#member(entry, names);
    yield TAR_END;
  }

  async *#member(entry: TreeEntry, names: TarNames): AsyncGenerator<Uint8Array> {
    const { record, below } = entry;
    const size = record.type === 'file' && !record.sent ? record.size : 0;
    const kept = new Map([...entry.xattrs].filter(([name]) => !/^(?:trusted|user)\.overlay\./.test(name)));
    const member = memberOf(record, { base: names.base, below, link: entry.link, xattrs: kept });
    const own = below === '' && names.base === '' && record.type === 'directory';
    const marks = names.layer === undefined ? null : layerMarks(entry, names.layer.stubs);
    if (member === null || own || marks?.skip === true) {
      for await (const _ of this.data(size));
    } else if (marks?.whiteout !== undefined) yield encodeHeader(marks.whiteout);
    else yield* this.#withData(member, record, size);
    if (marks?.opaque !== undefined) yield encodeHeader(marks.opaque);
  }

  async *#withData(member: TarMember, record: TreeRecord, size: number): AsyncGenerator<Uint8Array> {
    const first =
      record.links > 1 && record.type !== 'directory' ? this.#links.get(record.identity) : undefined;
    if (first !== undefined) {
      yield encodeHeader({ ...member, type: 'hardlink', linkName: first, size: 0, xattrs: new Map() });
      for await (const _ of this.data(size));
      return;
    }
    if (record.sent) throw broken('the data of a file never came');
    if (record.links > 1) this.#links.set(record.identity, member.name);
    yield encodeHeader(member);
    yield* this.data(size);
    yield new Uint8Array(paddingOf(size));
  }

  async #take(size: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.data(size)) pieces.push(piece);
    return concat(pieces, size);
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#held = next.value;
    return this.#held.length > 0 || (await this.#more());
  }
}

/** What overlayfs's marks and a runtime's mount places mean for a layer. */
function layerMarks(
  { record, below, xattrs }: TreeEntry,
  stubs: readonly string[],
): { skip?: boolean; whiteout?: TarMember; opaque?: TarMember } {
  const slash = below.lastIndexOf('/') + 1;
  if (record.type === 'character-device' && record.devMajor === 0 && record.devMinor === 0) {
    const name = `${below.slice(0, slash)}.wh.${below.slice(slash)}`;
    return { whiteout: { name, type: 'file', mode: 0 } };
  }
  // A folder that a mount place lies in comes before what is in it: an empty one more does no harm.
  const skip = stubs.includes(`/${below}`) && record.type === 'file' && record.size === 0;
  const opaque = decodeBytes(xattrs.get(OPAQUE) ?? new Uint8Array(0)) === 'y';
  return {
    skip,
    ...(opaque
      ? { opaque: { name: memberBelow(below, '.wh..wh..opq'), type: 'file' as const, mode: 0 } }
      : {}),
  };
}

function broken(how: string): HullError {
  return new HullError('guest-unreachable', `the guest agent breaks the protocol: ${how}`);
}
