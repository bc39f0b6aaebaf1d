import type { FileFacts, OverlaySides } from '../../lib/file-changes.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import { HullError } from '../../model/errors.ts';
import type { TreeEntry, TreeReader } from './tree-reader.ts';

/** What a guest may have the engine remember. */
const ENTRIES_MAX = 1_000_000;
const OPAQUE = 'trusted.overlay.opaque';

/** Both sides of a VM's overlay as its agent tells them. */
export class GuestSides implements OverlaySides {
  readonly #now = new Map<string, FileFacts>();
  readonly #before = new Map<string, FileFacts>();
  readonly #names = new Map<string, string[]>();
  readonly #hidden = new Map<string, string[]>();
  readonly #opaque = new Set<string>();

  static async read(reader: TreeReader): Promise<GuestSides> {
    const sides = new GuestSides();
    for (let entry = await reader.next(); entry !== null; entry = await reader.next()) sides.#add(entry);
    return sides;
  }

  names(folder: string): readonly string[] {
    return this.#names.get(folder) ?? [];
  }

  hidden(folder: string): readonly string[] {
    return this.#opaque.has(folder) ? (this.#hidden.get(folder) ?? []) : [];
  }

  now(path: string): FileFacts | null {
    return this.#now.get(path) ?? null;
  }

  before(path: string): FileFacts | null {
    return this.#before.get(path) ?? null;
  }

  #add({ record, below, xattrs }: TreeEntry): void {
    const path = `/${below}`;
    if (this.#now.size + this.#before.size >= ENTRIES_MAX)
      throw new HullError(
        'not-supported',
        `the VM has changed more than ${ENTRIES_MAX} files: too many to list`,
      );
    const { mode, uid, gid, size, mtime, devMajor, devMinor } = record;
    const node = record.type === 'character-device' || record.type === 'block-device';
    const device = node ? (BigInt(devMajor) << 32n) | BigInt(devMinor) : 0n;
    const facts = { mode, uid, gid, size, mtime, device };
    const slash = path.lastIndexOf('/');
    const [folder, name] = [path.slice(0, slash) || '/', path.slice(slash + 1)];
    const names = record.before ? this.#hidden : this.#names;
    (record.before ? this.#before : this.#now).set(path, facts);
    const inFolder = names.get(folder);
    if (inFolder === undefined) names.set(folder, [name]);
    else inFolder.push(name);
    if (!record.before && decodeBytes(xattrs.get(OPAQUE) ?? new Uint8Array(0)) === 'y')
      this.#opaque.add(path);
  }
}
