import { closeSync, constants, fstatSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Host } from '../host/host.ts';
import { ignoreMatcher, readIgnorePatterns, type IgnoreMatcher } from '../lib/dockerignore.ts';
import { HullError, isHullError } from '../model/errors.ts';
import type { Trees } from '../storage/trees.ts';

/** Bounds of a context: what a build may bring onto the disk. */
const LIMITS = { bytes: 64 * 1024 ** 3, entries: 2_000_000 } as const;
const LONGEST_FILE = 4 * 1024 * 1024;

/** The unpacked context. */
export interface BuildContext {
  readonly root: string;
  readonly ignored: IgnoreMatcher;
  readonly blueprint: { readonly name: string; readonly text: string };
}

/** Unpacks a context into `root` (an empty folder), and reads blueprint and `.dockerignore` (`NAME.dockerignore` first, as Docker has it). */
export async function unpackContext(
  host: Host,
  trees: Pick<Trees, 'extract'>,
  stream: AsyncIterable<Uint8Array>,
  root: string,
  blueprint: string | undefined,
  signal: AbortSignal,
): Promise<BuildContext> {
  try {
    await trees.extract(stream, root, { mode: 'plain', limits: LIMITS }, { signal });
  } catch (error) {
    if (!isHullError(error, 'archive-invalid')) throw error;
    // The folder is the engine's own affair.
    const message = error.message.replace(`into ${root}`, 'the build context');
    throw new HullError('archive-invalid', message, { cause: error });
  }
  const name = posix
    .normalize(blueprint === undefined || blueprint === '' ? 'Dockerfile' : blueprint)
    .replace(/^\/+/u, '');
  const text = readInside(host, root, name);
  if (text === null) {
    throw new HullError(
      'path-not-found',
      `the build context has no blueprint "${name}"; name another with -f, or is it left out of the context?`,
    );
  }
  const ignore =
    readInside(host, root, `${name}.dockerignore`) ?? readInside(host, root, '.dockerignore') ?? '';
  return { root, ignored: ignoreMatcher(readIgnorePatterns(ignore)), blueprint: { name, text } };
}

function readInside(host: Host, root: string, path: string): string | null {
  let descriptor: number;
  try {
    descriptor = host.files.openInRoot(root, `/${path}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isHullError(error, 'path-not-found')) return null;
    throw error;
  }
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile())
      throw new HullError('invalid-argument', `"${path}" in the build context is no regular file`);
    if (facts.size > LONGEST_FILE)
      throw new HullError(
        'invalid-argument',
        `"${path}" in the build context is larger than ${LONGEST_FILE} bytes`,
      );
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
