import { constants } from 'node:os';
import { posix } from 'node:path';
import { leadsAbove, meansFolder, readArchivePath } from '../../lib/archive-path.ts';
import { fileChanges } from '../../lib/file-changes.ts';
import { collect } from '../../lib/streams.ts';
import { readTar } from '../../lib/tar/archive.ts';
import { TarError, type TarHeader } from '../../lib/tar/types.ts';
import type { ErrorCode } from '../../model/error-codes.ts';
import { HullError } from '../../model/errors.ts';
import {
  MOUNT_STUBS,
  type ExtractFilesOptions,
  type FileArchive,
  type FileChange,
  type FileStat,
} from '../../model/files.ts';
import type { AgentClient } from './agent-client.ts';
import { FIELD, FieldWriter } from './agent-fields.ts';
import { GuestSides } from './guest-changes.ts';
import { FRAME } from './agent-protocol.ts';
import type { AgentStream } from './agent-stream.ts';
import { printable } from './printable.ts';
import { encodeRecord } from './tree-records.ts';
import { TreeReader, type TreeEntry } from './tree-reader.ts';

const OPERATION = { stat: 1, read: 2, write: 3, root: 4, upper: 5, changes: 6 } as const;
const SAID_LIMIT = 4096;
const SIGKILL = 9;
const MAX_LINKS = 40;

/** Files of one running VM, by its agent. */
export class GuestFiles {
  readonly #agent: AgentClient;

  constructor(agent: AgentClient) {
    this.#agent = agent;
  }

  async stat(given: string): Promise<FileStat> {
    const place = readArchivePath(given);
    const entry = await this.#look(place.path + place.ending);
    return await this.#statOf(place.name, place.path, entry);
  }

  async read(given: string): Promise<FileArchive> {
    const place = readArchivePath(given);
    const run = await this.#open('read', place.path + place.ending);
    const reader = new TreeReader(run.output);
    const first = await reader.next().catch(run.failWith);
    if (first === null) throw await run.failure();
    const followed = meansFolder(place) || first.record.type === 'directory';
    const stat = await this.#statOf(place.name, place.path, first, followed);
    return { stat, stream: run.guarded(reader.tar(first, { base: place.name })) };
  }

  /** The whole root, or what was written over the image as a layer. */
  async *tree(which: 'root' | 'upper'): AsyncGenerator<Uint8Array> {
    const run = await this.#open(which, '/');
    const layer = which === 'upper' ? { layer: { stubs: MOUNT_STUBS } } : {};
    yield* run.guarded(new TreeReader(run.output).tar(null, { base: '', ...layer }));
  }

  async changes(): Promise<readonly FileChange[]> {
    const run = await this.#open('changes', '/');
    const sides = await GuestSides.read(new TreeReader(run.output)).catch(run.failWith);
    await run.end();
    return [...fileChanges(sides)];
  }

  async write(
    given: string,
    archive: AsyncIterable<Uint8Array>,
    { keepKinds, owner, readOnlyRoot }: ExtractFilesOptions,
  ): Promise<void> {
    const { path } = readArchivePath(given);
    const run = await this.#open('write', path, (fields) => {
      fields.flag(FIELD.keepKinds, keepKinds);
      if (owner !== undefined && owner !== '') fields.text(FIELD.user, owner);
    });
    try {
      await sendTar(run.stream, path, archive);
      await run.stream.endInput();
    } catch (error) {
      run.kill();
      // Why the guest stopped listening, where it did.
      if (error instanceof TarError) throw new HullError('archive-invalid', error.message, { cause: error });
      throw error;
    }
    await run.end().catch((error: unknown) => {
      if (error instanceof HullError && error.code === 'denied' && readOnlyRoot)
        throw new HullError('denied', 'container rootfs is marked read-only', { cause: error });
      throw error;
    });
  }

  async #look(path: string): Promise<TreeEntry> {
    const run = await this.#open('stat', path);
    const entry = await new TreeReader(run.output).next().catch(run.failWith);
    if (entry === null) throw await run.failure();
    await run.end();
    return entry;
  }

  async #statOf(
    name: string,
    path: string,
    { record, link }: TreeEntry,
    followed = record.type !== 'symlink',
  ): Promise<FileStat> {
    const { size, mode, mtime } = record;
    // Of a folder it is what its filesystem says: nothing in a record of its own.
    return { name, size, mode, mtime, linkTarget: followed ? '' : await this.#follow(path, link) };
  }

  /** Where a link leads in the end; see `FileStat`. */
  async #follow(path: string, link: string): Promise<string> {
    const rest = link.split('/');
    let at = link.startsWith('/') ? '/' : posix.dirname(path);
    for (let links = 1; rest.length > 0;) {
      const part = rest.shift() ?? '';
      if (part === '..') at = posix.dirname(at);
      if (part === '..' || part === '.' || part === '') continue;
      const next = posix.join(at, part);
      const found = await this.#look(next).catch(() => null);
      if (found?.record.type !== 'symlink') {
        at = next;
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) throw new HullError('invalid-argument', `too many links in ${path}`);
      if (found.link.startsWith('/')) at = '/';
      rest.unshift(...found.link.split('/'));
    }
    return at;
  }

  async #open(
    operation: keyof typeof OPERATION,
    path: string,
    more: (fields: FieldWriter) => void = () => undefined,
  ): Promise<TreeRun> {
    const fields = new FieldWriter().text(FIELD.path, path).number(FIELD.operation, OPERATION[operation]);
    more(fields);
    const { stream } = await this.#agent.openStream(FRAME.tree, fields.build());
    return new TreeRun(this.#agent, stream, operation === 'write');
  }
}

/** One request under way: its output, what it says of itself, and its end. */
class TreeRun {
  readonly stream: AgentStream;
  readonly output: AsyncIterable<Uint8Array>;
  readonly #agent: AgentClient;
  readonly #writes: boolean;
  #said = '';

  constructor(agent: AgentClient, stream: AgentStream, writes: boolean) {
    this.#agent = agent;
    this.stream = stream;
    this.#writes = writes;
    this.output = this.#read();
  }

  /** Ends the work inside too when the loop is left early. Rejects in the loop with what went wrong. */
  async *guarded(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let over = false;
    try {
      yield* tar;
      over = true;
    } finally {
      if (!over) this.kill();
    }
    await this.end();
  }

  /** Resolves when all went well. */
  async end(): Promise<void> {
    for await (const _ of this.output);
    const status = await this.stream.exited;
    if (status !== 0) throw refusal(status, this.#said, this.#writes);
  }

  async failure(): Promise<Error> {
    const status = await this.stream.exited;
    return refusal(status, this.#said, this.#writes);
  }

  readonly failWith = (error: unknown): never => {
    this.kill();
    throw error;
  };

  kill(): void {
    this.stream.detach().catch(() => undefined);
    // It may have ended by itself.
    this.#agent.signal(this.stream.id, SIGKILL, false).catch(() => undefined);
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for await (const { stream, data } of this.stream.output) {
      if (stream === 'stdout') yield data;
      else this.#said = `${this.#said}${printable(Buffer.from(data).toString('utf8'))}`.slice(0, SAID_LIMIT);
    }
  }
}

/** A tar's members, checked as for a container, as records. */
async function sendTar(stream: AgentStream, base: string, archive: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const { header, body } of readTar(archive)) {
    const name = cleanName(header.name);
    await stream.write(encodeRecord(header, name, linkOf(header, base, name)));
    // A stream whose reader has ended takes everything, and says at its end why.
    if (header.type === 'file') for await (const chunk of body) await stream.write(chunk);
    else await collect(body);
  }
}

function linkOf(header: TarHeader, base: string, name: string): string {
  if (header.type === 'hardlink') {
    if (leadsAbove(header.linkName))
      throw new TarError(
        `invalid hardlink ${JSON.stringify(header.name)} -> ${JSON.stringify(header.linkName)}`,
      );
    return cleanName(header.linkName);
  }
  if (header.type !== 'symlink') return '';
  const out = !header.linkName.startsWith('/') && leadsAbove(`${posix.dirname(name)}/${header.linkName}`);
  if (out && base !== '/')
    throw new TarError(
      `invalid symlink ${JSON.stringify(posix.join(base, name))} -> ${JSON.stringify(header.linkName)}`,
    );
  return header.linkName;
}

function cleanName(name: string): string {
  if (leadsAbove(name))
    throw new TarError(`the archive's member ${JSON.stringify(name)} leads out of its folder`);
  const clean = posix.join('/', name).slice(1).replace(/\/$/, '');
  if (!clean.includes('\0')) return clean;
  throw new TarError(`the archive's member ${JSON.stringify(name)} has a NUL byte in its name`);
}

const { ENOENT, ENOTDIR, EROFS, EPERM, EACCES, ENOSPC, EDQUOT } = constants.errno;

/** What the guest's errno means; null: the connection was lost. */
function refusal(status: number | null, said: string, writes: boolean): HullError {
  if (status === null || status === 0)
    return new HullError('guest-unreachable', 'the guest agent ended in the middle of its work');
  const codes = new Map<number, ErrorCode>([
    [ENOENT, 'path-not-found'],
    [ENOTDIR, 'invalid-argument'],
    ...[EROFS, EPERM, EACCES].map((errno): [number, ErrorCode] => [errno, 'denied']),
    ...[ENOSPC, EDQUOT].map((errno): [number, ErrorCode] => [errno, 'no-space']),
  ]);
  const code = codes.get(status) ?? (writes ? 'archive-invalid' : 'invalid-argument');
  return new HullError(code, said.trim() === '' ? `the guest answered with errno ${status}` : said.trim());
}
