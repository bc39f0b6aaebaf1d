import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { makePrivateFolder } from '../../host/private-files.ts';
import { compileFilter } from '../../host/seccomp-filter.ts';
import { withNewerCalls } from './newer-calls.ts';
import type { OciSeccomp } from './seccomp.ts';

/** A compiled filter in base64, or, where there is none yet, the name under which it is to be learned. */
export interface StoredFilter {
  readonly key: string;
  readonly data: string | null;
}

/** Changes when the same rules are compiled to something else. */
const FORMAT = 1;

/**
 * Compiled filters of system calls, kept in the run folder: compiling one takes 20 ms. The default's are compiled here, with what this host's library
 * does not know; those of users' profiles, which may be of any size, by crun, from whose state they are learned.
 */
export class FilterStore {
  readonly #folder: string;
  readonly #known = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  find(rules: OciSeccomp, { isDefault }: { readonly isDefault: boolean }): StoredFilter {
    const facts = JSON.stringify([FORMAT, isDefault, rules]);
    const key = createHash('sha256').update(facts).digest('hex').slice(0, 32);
    const path = `${this.#folder}/${key}`;
    if (!this.#known.has(key) && existsSync(path))
      this.#known.set(key, readFileSync(path).toString('base64'));
    if (!this.#known.has(key) && isDefault) this.#compile(key, rules);
    return { key, data: this.#known.get(key) ?? null };
  }

  /** `source`: where a runtime has left what it compiled. */
  learn(key: string, source: string): void {
    if (existsSync(source)) this.#keep(key, readFileSync(source));
  }

  #compile(key: string, rules: OciSeccomp): void {
    makePrivateFolder(this.#folder);
    const compiled = compileFilter(rules, this.#folder);
    if (compiled !== null) this.#keep(key, withNewerCalls(compiled.program, rules, compiled.unknown));
  }

  #keep(key: string, filter: Uint8Array): void {
    // struct sock_filter has eight bytes.
    if (filter.length === 0 || filter.length % 8 !== 0) return;
    makePrivateFolder(this.#folder);
    const path = `${this.#folder}/${key}`;
    writeFileSync(`${path}.tmp`, filter, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
    this.#known.set(key, Buffer.from(filter).toString('base64'));
  }
}
