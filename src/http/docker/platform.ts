import { HullError } from '../../model/errors.ts';

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

/** The same for platforms as JSON objects, as newer clients send them where an image may have several. Throws `invalid-argument` for what is none. */
export function checkJsonPlatform(values: readonly string[]): void {
  for (const value of values.filter((text) => text !== '')) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      parsed = null;
    }
    const { os, architecture } = Object(parsed) as { os?: unknown; architecture?: unknown };
    if (typeof os !== 'string' || typeof architecture !== 'string')
      throw new HullError('invalid-argument', `failed to parse platform ${value.slice(0, 200)}`);
    checkPlatform(`${os}/${architecture}`);
  }
}
