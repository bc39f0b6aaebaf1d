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
