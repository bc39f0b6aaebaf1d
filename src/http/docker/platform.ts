import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

/** The host's architecture in OCI's words. */
export function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** Throws `not-supported` when a request asks for a platform that is not the host's. */
export function checkPlatform(platform: string | undefined): void {
  if (platform === undefined || platform === '') return;
  const [os, architecture = hostArchitecture()] = platform.split('/');
  if (os === 'linux' && architecture === hostArchitecture()) return;
  throw new HullError(
    'not-supported',
    `platform ${platform} cannot be run here: this host is linux/${hostArchitecture()}; leave the platform out`,
  );
}

/** Newer clients ask for the image of one platform: an image here has one. Throws `image-not-found` for another, in Docker's words. */
export function checkImagePlatform({ config }: Image, reference: string, platform: string | undefined): void {
  if (platform === undefined) return;
  const { os, architecture } = parseJsonPlatform(platform);
  if (os === config.os && architecture === config.architecture) return;
  throw new HullError(
    'image-not-found',
    `image with reference ${reference} was found but does not provide the specified platform (${os}/${architecture})`,
  );
}

/** As `checkPlatform` for platforms as JSON objects, as newer clients send them where an image may have several. Throws `invalid-argument` for what is none. */
export function checkJsonPlatform(values: readonly string[]): void {
  for (const value of values.filter((text) => text !== '')) {
    const { os, architecture } = parseJsonPlatform(value);
    checkPlatform(`${os}/${architecture}`);
  }
}

function parseJsonPlatform(text: string): { readonly os: string; readonly architecture: string } {
  let parsed: unknown;
  try {
    parsed = parseBoundedJson(text);
  } catch {
    parsed = null;
  }
  const { os, architecture } = Object(parsed) as { os?: unknown; architecture?: unknown };
  if (typeof os === 'string' && typeof architecture === 'string') return { os, architecture };
  throw new HullError('invalid-argument', `failed to parse platform ${text.slice(0, 200)}`);
}
