import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TarInput } from '../../lib/tar/archive.ts';
import type { TarMember } from '../../lib/tar/encode.ts';
import { leadsAbove } from '../../lib/archive-path.ts';
import { CommandFailure } from '../usage-error.ts';
import type { CopyDestination } from './plan.ts';

/** What is at a path of this machine, links followed. */
export function localDestination(cwd: string, path: string): CopyDestination {
  const facts = statSync(resolve(cwd, path), { throwIfNoEntry: false });
  const ending = /\/\.?$/.exec(path)?.[0] ?? '';
  const full = resolve(cwd, path);
  const found = facts === undefined ? null : facts.isDirectory() ? 'folder' : 'other';
  return { path: found === 'folder' || full === '/' ? full : full + ending, found };
}

/**
 * Unpacks into a folder of this machine. What the archive says is an instance's word: names that lead out of the folder, and files behind links
 * that it made itself, are refused. Everything belongs to the user, but with `keepOwner`.
 */
export class LocalTarget {
  readonly #root: string;
  readonly #keepOwner: boolean;
  readonly #links = new Set<string>();
  readonly #folders = new Map<string, TarMember>();
  readonly #skipped: (text: string) => void;
  /** Bytes of files. */
  written = 0;

  constructor(root: string, options: { keepOwner: boolean; skipped: (text: string) => void }) {
    this.#root = root;
    this.#keepOwner = options.keepOwner;
    this.#skipped = options.skipped;
  }

  async unpack(members: AsyncIterable<TarInput>): Promise<void> {
    for await (const { header, body } of members) await this.#place(header, body);
    for (const [path, header] of this.#folders) {
      if (lstatSync(path).isDirectory()) this.#dress(path, header);
    }
  }

  async #place(header: TarMember, body: TarInput['body']): Promise<void> {
    const path = this.#pathOf(header.name);
    switch (header.type) {
      case 'directory':
        this.#folder(path, header);
        return;
      case 'file':
        this.#clear(path, header);
        await this.#file(path, header, body);
        return;
      case 'symlink':
        this.#clear(path, header);
        symlinkSync(header.linkName ?? '', path);
        this.#links.add(path);
        if (this.#keepOwner) lchownSync(path, header.uid ?? 0, header.gid ?? 0);
        return;
      case 'hardlink':
        this.#clear(path, header);
        linkSync(this.#pathOf(header.linkName ?? ''), path);
        // Of a symbolic link this makes another one.
        if (lstatSync(path).isSymbolicLink()) this.#links.add(path);
        return;
      default:
        this.#skipped(`${header.name} is a ${header.type} and was left out`);
    }
  }

  /** The place of a member; refuses one that is out of the folder or behind a link of the archive's. */
  #pathOf(name: string): string {
    const path = join(this.#root, name).replace(/(?<=.)\/$/, '');
    if (leadsAbove(name))
      throw new CommandFailure(1, `the archive's ${JSON.stringify(name)} leads out of its folder`);
    for (let above = dirname(path); above.length > this.#root.length; above = dirname(above))
      if (this.#links.has(above))
        throw new CommandFailure(1, `the archive puts ${JSON.stringify(name)} behind a link of its own`);
    return path;
  }

  #folder(path: string, header: TarMember): void {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) mkdirSync(path, { mode: 0o700 });
    else if (!found.isDirectory() && (this.#links.has(path) || !statSync(path).isDirectory()))
      throw new CommandFailure(1, `cannot overwrite ${path}, which is no folder, with a folder`);
    // The folder that was there already keeps its own look.
    if (path !== this.#root) this.#folders.set(path, header);
  }

  #clear(path: string, header: TarMember): void {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true)
      throw new CommandFailure(1, `cannot overwrite the folder ${path} with ${JSON.stringify(header.name)}`);
    if (found !== undefined) rmSync(path);
    this.#links.delete(path);
  }

  async #file(path: string, header: TarMember, body: TarInput['body']): Promise<void> {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      if (body !== undefined && !(body instanceof Uint8Array)) {
        for await (const chunk of body) {
          for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
          this.written += chunk.length;
        }
      }
      fchmodSync(descriptor, this.#mode(header));
      const seconds = secondsOf(header);
      futimesSync(descriptor, seconds, seconds);
    } finally {
      closeSync(descriptor);
    }
    if (this.#keepOwner) this.#own(path, header);
  }

  #dress(path: string, header: TarMember): void {
    if (this.#keepOwner) this.#own(path, header);
    else chmodSync(path, this.#mode(header));
    const seconds = secondsOf(header);
    lutimesSync(path, seconds, seconds);
  }

  #own(path: string, header: TarMember): void {
    lchownSync(path, header.uid ?? 0, header.gid ?? 0);
    chmodSync(path, this.#mode(header));
  }

  /** Programs of somebody else's do not become programs of the user's. */
  #mode({ mode = 0o644 }: TarMember): number {
    return this.#keepOwner ? mode & 0o7777 : mode & 0o1777;
  }
}

function secondsOf({ mtime = 0n }: TarMember): number {
  return Number(mtime) / 1e9;
}
