import { concat } from '../streams.ts';
import { ExtendedHeaders } from './extended.ts';
import { readNumber } from './fields.ts';
import { readHeaderBlock, type RawHeader } from './header.ts';
import { checkSparse, OLD_SPARSE, readOldSparse, SparseMapReader } from './sparse.ts';
import {
  BLOCK,
  DEFAULT_TAR_LIMITS,
  paddingOf,
  TarError,
  type TarEvent,
  type TarHeader,
  type TarLimits,
  type TarSegment,
} from './types.ts';
import { trimEndOf } from '../trim-end.ts';

type State = 'header' | 'extended' | 'old-sparse' | 'sparse-map' | 'data' | 'padding' | 'end';

/**
 * Tar, as a machine that takes bytes in any pieces and says what they mean; no I/O. Reads POSIX ustar and pax, GNU tar (long names, base-256,
 * sparse in all its forms) and star, as they come out of real tools. Memory is bounded by the limits. Throws `TarError` on a malformed archive.
 *
 * ```
 * for (const chunk of chunks) for (const event of parser.push(chunk)) …
 * parser.finish();
 * ```
 */
export class TarParser {
  readonly #limits: TarLimits;
  readonly #block = new Uint8Array(BLOCK);
  readonly #extended = new ExtendedHeaders();
  #state: State = 'header';
  #filled = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #extendedBytes = 0;
  #globalBytes = 0;
  /** Of the member or extended header at hand. */
  #raw: RawHeader | null = null;
  #left = 0;
  #padding = 0;
  #parts: Uint8Array[] = [];
  #segments: TarSegment[] = [];
  #segmentIndex = 0;
  #segmentUsed = 0;
  #fileSize = 0;
  #map: SparseMapReader | null = null;

  constructor(limits: Partial<TarLimits> = {}) {
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...limits };
  }

  /** Takes the next bytes. Consume the events before the next call. */
  *push(chunk: Uint8Array): Generator<TarEvent> {
    let at = 0;
    while (at < chunk.length) {
      const rest = chunk.subarray(at);
      if (this.#state === 'end') return;
      if (this.#state === 'data' || this.#state === 'extended' || this.#state === 'padding')
        at += yield* this.#takeBytes(rest);
      else at += yield* this.#takeBlock(rest);
    }
  }

  /** Call at the end of the input: throws when it ends in the middle of something. */
  finish(): void {
    if (this.#state === 'end') return;
    // Docker and old tools leave the two closing blocks out, Docker's client also what fills the last member's block.
    const betweenMembers = this.#state === 'padding' || (this.#state === 'header' && this.#filled === 0);
    if (!betweenMembers || this.#extended.pending)
      throw new TarError('the archive ends in the middle of a member');
  }

  *#takeBytes(rest: Uint8Array): Generator<TarEvent, number> {
    const bytes = rest.subarray(0, Math.min(rest.length, this.#left));
    this.#left -= bytes.length;
    if (this.#state === 'extended') this.#parts.push(bytes.slice());
    if (this.#state === 'data') yield* this.#place(bytes);
    if (this.#left === 0) yield* this.#stretchDone();
    return bytes.length;
  }

  *#takeBlock(rest: Uint8Array): Generator<TarEvent, number> {
    const bytes = rest.subarray(0, BLOCK - this.#filled);
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
    if (this.#filled < BLOCK) return bytes.length;
    this.#filled = 0;
    if (this.#state === 'header') yield* this.#headerBlock();
    else if (this.#state === 'old-sparse') yield* this.#oldSparseBlock();
    else yield* this.#sparseMapBlock();
    return bytes.length;
  }

  *#headerBlock(): Generator<TarEvent> {
    const raw = readHeaderBlock(this.#block);
    if (raw === null) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = 'end';
      return;
    }
    if (this.#zeroBlocks > 0) throw new TarError('the archive goes on after an empty block');
    this.#raw = raw;
    if ('xgXLK'.includes(raw.flag)) this.#startExtended(raw);
    else yield* this.#startMember(raw);
  }

  #startExtended(raw: RawHeader): void {
    // Several may follow each other, so the bound is on all of those that are held.
    if (raw.flag === 'g') this.#globalBytes += raw.size + BLOCK;
    else this.#extendedBytes += raw.size + BLOCK;
    if (Math.max(this.#extendedBytes, this.#globalBytes) > this.#limits.headerBytes)
      throw new TarError('the extended headers are too large');
    this.#parts = [];
    this.#stretch('extended', raw.size);
    if (raw.size === 0) this.#finishExtended(raw);
  }

  *#startMember(raw: RawHeader): Generator<TarEvent> {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries)
      throw new TarError(`the archive has more than ${this.#limits.entries} members`);
    const stored =
      raw.header.type === 'file' || raw.flag === 'D' || raw.flag === 'V'
        ? (this.#extended.storedSize ?? raw.size)
        : 0;
    this.#fileSize = stored;
    this.#segments = [];
    this.#segmentIndex = 0;
    this.#segmentUsed = 0;
    this.#stretch('data', stored);
    if (raw.flag === 'S') return yield* this.#startOldSparse();
    const sparse = raw.header.type === 'file' ? this.#extended.sparse(this.#limits, stored) : null;
    if (sparse === null) return yield* this.#announce(false);
    this.#fileSize = sparse.fileSize;
    if (sparse.kind === 'map-in-data') {
      this.#map = new SparseMapReader(this.#limits);
      this.#state = 'sparse-map';
      return undefined;
    }
    this.#segments = [...sparse.segments];
    return yield* this.#announce(true);
  }

  *#startOldSparse(): Generator<TarEvent> {
    const { at, count, more, realSize } = OLD_SPARSE.inHeader;
    this.#fileSize = readNumber(this.#block, realSize, 12, 'real size');
    this.#segments = readOldSparse(this.#block, at, count);
    if (this.#block[more] !== 0) this.#state = 'old-sparse';
    else yield* this.#announceSparse();
  }

  *#oldSparseBlock(): Generator<TarEvent> {
    const { at, count, more } = OLD_SPARSE.inBlock;
    this.#segments.push(...readOldSparse(this.#block, at, count));
    if (this.#segments.length > this.#limits.segments)
      throw new TarError('a sparse file has too many pieces');
    if (this.#block[more] === 0) yield* this.#announceSparse();
  }

  *#sparseMapBlock(): Generator<TarEvent> {
    if (this.#left < BLOCK) throw new TarError('a sparse map is longer than its file');
    this.#left -= BLOCK;
    const segments = this.#map?.push(this.#block) ?? null;
    if (segments === null) return;
    this.#segments = segments;
    yield* this.#announceSparse();
  }

  *#announceSparse(): Generator<TarEvent> {
    checkSparse(this.#segments, this.#fileSize, this.#left);
    yield* this.#announce(true);
  }

  *#announce(sparse: boolean): Generator<TarEvent> {
    const raw = this.#raw;
    if (raw === null) throw new TarError('the archive has data without a member');
    if (this.#fileSize > this.#limits.fileBytes)
      throw new TarError(`a member of ${this.#fileSize} bytes is too large`);
    const header = this.#extended.apply(raw.header);
    this.#extended.reset();
    this.#extendedBytes = 0;
    this.#state = 'data';
    // A volume's label is no member.
    if (raw.flag !== 'V') yield { type: 'entry', header: this.#complete(header, sparse) };
    if (this.#left === 0) yield* this.#stretchDone();
  }

  #complete(header: TarHeader, sparse: boolean): TarHeader {
    // Before ustar, a folder was a file whose name ends in a slash.
    const folder = header.type === 'directory' || (this.#raw?.oldFile === true && header.name.endsWith('/'));
    const name = folder ? trimEndOf(header.name, '/') || (header.name === '' ? '' : '/') : header.name;
    const size = folder || header.type !== 'file' ? 0 : this.#fileSize;
    return {
      ...header,
      name,
      type: folder ? 'directory' : header.type,
      size,
      ...(sparse ? { sparse: this.#segments } : {}),
    };
  }

  *#place(bytes: Uint8Array): Generator<TarEvent> {
    if (this.#raw?.flag === 'V' || this.#raw?.flag === 'D') return;
    if (this.#segments.length === 0) {
      yield { type: 'data', offset: this.#segmentUsed, bytes };
      this.#segmentUsed += bytes.length;
      return;
    }
    let at = 0;
    while (at < bytes.length) {
      const segment = this.#segments[this.#segmentIndex];
      if (segment === undefined) throw new TarError('a sparse file has more data than its map');
      const piece = bytes.subarray(at, at + segment.length - this.#segmentUsed);
      if (piece.length > 0) yield { type: 'data', offset: segment.offset + this.#segmentUsed, bytes: piece };
      at += piece.length;
      this.#segmentUsed += piece.length;
      if (this.#segmentUsed < segment.length) continue;
      this.#segmentIndex += 1;
      this.#segmentUsed = 0;
    }
  }

  #stretch(state: 'extended' | 'data', size: number): void {
    this.#state = state;
    this.#left = size;
    this.#padding = paddingOf(size);
  }

  /** All bytes of a member, an extended header or a padding were taken. */
  *#stretchDone(): Generator<TarEvent> {
    if (this.#state === 'data' && this.#raw?.flag !== 'V') yield { type: 'end' };
    if (this.#state === 'extended' && this.#raw !== null) this.#finishExtended(this.#raw);
    const padding = this.#state === 'padding' ? 0 : this.#padding;
    this.#state = padding === 0 ? 'header' : 'padding';
    this.#left = padding;
  }

  #finishExtended(raw: RawHeader): void {
    const data = concat(this.#parts);
    this.#parts = [];
    this.#state = 'header';
    if (raw.flag === 'g') this.#extended.addGlobal(data);
    else if (raw.flag === 'L') this.#extended.longName = data;
    else if (raw.flag === 'K') this.#extended.longLink = data;
    else this.#extended.addLocal(data, this.#limits);
  }
}
