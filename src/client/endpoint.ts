import { HullError } from '../model/errors.ts';

export const DEFAULT_SOCKET = '/run/hull/hull.sock';

/** Where an engine listens; `local` for the default place, where one is started on demand. */
export interface Endpoint {
  readonly path: string;
  readonly local: boolean;
}

/** `unix:///path`, or a bare absolute path; undefined for the default. Throws `invalid-argument`. */
export function endpointOf(host: string | undefined): Endpoint {
  if (host === undefined || host === '') return { path: DEFAULT_SOCKET, local: true };
  const path = host.startsWith('unix://') ? host.slice('unix://'.length) : host;
  if (!path.startsWith('/')) {
    throw new HullError(
      'invalid-argument',
      `the host ${JSON.stringify(host)} is not understood: use unix:///path/to/hull.sock`,
    );
  }
  return { path, local: path === DEFAULT_SOCKET };
}
