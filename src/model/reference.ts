import { HullError } from './errors.ts';
import type { Digest } from './image.ts';

/** An image reference, normalised as Docker does: domain and `library/` filled in, the tag only where written. */
export interface Reference {
  /** `docker.io`, `localhost:5000`, … */
  readonly domain: string;
  /** `library/debian`, … */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
}

const DEFAULT_DOMAIN = 'docker.io';
const OFFICIAL = 'library/';
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_NAME = 255;

/**
 * Parses a reference as people write it (`debian`, `localhost:5000/a/b:tag@sha256:…`). The grammar is that of the distribution project's
 * reference package. Throws `invalid-reference`.
 */
export function parseReference(text: string): Reference {
  const [beforeDigest = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw invalid(text, 'it has more than one "@"');
  if (digest !== undefined && !isDigest(digest))
    throw invalid(text, 'its digest is not "sha256:" and 64 hexadecimal digits');
  const slash = beforeDigest.lastIndexOf('/');
  const colon = beforeDigest.indexOf(':', slash + 1);
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? null : beforeDigest.slice(colon + 1);
  if (tag !== null && !TAG.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is no tag`);
  if (/^[0-9a-f]{64}$/.test(name))
    throw invalid(text, 'a name of 64 hexadecimal digits would be taken for an id');
  const { domain, path } = splitDomain(name);
  if (/[A-Z]/.test(path))
    throw new HullError(
      'invalid-reference',
      `invalid reference format: repository name (${path.slice(0, MAX_NAME)}) must be lowercase`,
    );
  if (!DOMAIN.test(domain) || !PATH.test(path))
    throw invalid(text, 'write it as [host[:port]/]name[:tag][@digest]');
  if (domain.length + 1 + path.length > MAX_NAME)
    throw invalid(text, `its name is longer than ${MAX_NAME} characters`);
  return { domain, path, tag, digest: digest ?? null };
}

/** The canonical text: everything written out that the reference has. */
export function formatReference({ domain, path, tag, digest }: Reference): string {
  return `${domain}/${path}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

/** The canonical text, with the tag `latest` where neither tag nor digest was written. */
export function normalizeReference(text: string): string {
  const reference = parseReference(text);
  const bare = reference.tag === null && reference.digest === null;
  return formatReference(bare ? { ...reference, tag: 'latest' } : reference);
}

/** A canonical text as people write it: `docker.io/library/debian:12` is `debian:12`. */
export function familiarReference(reference: string): string {
  if (!reference.startsWith(`${DEFAULT_DOMAIN}/`)) return reference;
  const path = reference.slice(DEFAULT_DOMAIN.length + 1);
  const short = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  // `library/a/b` keeps its prefix: without it, it would be another repository.
  return short.includes('/') ? path : short;
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = !isDomain || first === 'index.docker.io' ? DEFAULT_DOMAIN : first;
  const path = isDomain ? name.slice(slash + 1) : name;
  return { domain, path: domain === DEFAULT_DOMAIN && !path.includes('/') ? `${OFFICIAL}${path}` : path };
}

function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

function invalid(text: string, why: string): HullError {
  return new HullError(
    'invalid-reference',
    `invalid reference format: ${JSON.stringify(text.slice(0, 300))}: ${why}`,
  );
}
