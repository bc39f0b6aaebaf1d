import { parseTcpUrl } from '../lib/tcp-address.ts';
import { HullError } from '../model/errors.ts';

const DEFAULT_SOCKET = '/run/hull/hull.sock';

/** The port of Docker's daemon with TLS. */
const DEFAULT_PORT = 2376;

/** Where an engine listens; `local` for the default place, where one is started on demand. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string; readonly local: boolean }
  | { readonly kind: 'tcp'; readonly hostname: string; readonly port: number };

/** `unix:///path`, a bare absolute path, or `tcp://host:port`; undefined for the default. Throws `invalid-argument`. */
export function endpointOf(host: string | undefined): Endpoint {
  if (host === undefined || host === '') return { kind: 'unix', path: DEFAULT_SOCKET, local: true };
  const tcp = parseTcpUrl(host, DEFAULT_PORT);
  if (tcp !== null) return { kind: 'tcp', ...tcp };
  const path = host.startsWith('unix://') ? host.slice('unix://'.length) : host;
  if (!path.startsWith('/')) throw notUnderstood(host);
  return { kind: 'unix', path, local: path === DEFAULT_SOCKET };
}

function notUnderstood(host: string): HullError {
  return new HullError(
    'invalid-argument',
    `the host ${JSON.stringify(host)} is not understood: use unix:///path/to/hull.sock or tcp://host:2376`,
  );
}
