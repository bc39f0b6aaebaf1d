import { createHash, type Hash } from 'node:crypto';
import type { Digest } from '../model/image.ts';

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** Is this text a sha256 digest in canonical form? */
export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** The sha256 digest of bytes or UTF-8 text. */
export function digestOf(data: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The hexadecimal part, for file names. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** Counts and digests what passes. */
export class Digester {
  readonly #hash: Hash = createHash('sha256');
  #size = 0;

  update(data: Uint8Array): void {
    this.#hash.update(data);
    this.#size += data.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Ends the digest; call once. */
  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}
