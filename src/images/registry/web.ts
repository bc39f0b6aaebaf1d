import { HullError } from '../../model/errors.ts';
import { refusal } from './answers.ts';
import type { HttpTransport } from './transport.ts';

const MOST_REDIRECTS = 5;

/** What a web address gives, over HTTP or HTTPS, redirects followed. Rejects `invalid-argument`, `registry-unreachable`, `registry-failed`. */
export async function fetchAddress(
  transport: HttpTransport,
  address: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  let url = webAddress(address, undefined);
  for (let count = 0; ; count++) {
    const response = await transport({ method: 'GET', url, signal }, {});
    if (response.status === 200) return response.body;
    const location = response.headers['location'];
    if (response.status < 300 || response.status >= 400 || location === undefined) {
      const error = await refusal(response, `cannot fetch ${url.origin}${url.pathname}`);
      throw new HullError('registry-failed', error.message);
    }
    response.discard();
    if (count === MOST_REDIRECTS)
      throw new HullError(
        'registry-failed',
        `cannot fetch ${address}: stopped after ${MOST_REDIRECTS} redirects`,
      );
    url = webAddress(location, url);
  }
}

function webAddress(address: string, base: URL | undefined): URL {
  if (URL.canParse(address, base?.href)) {
    const url = new URL(address, base);
    if (/^https?:$/.test(url.protocol)) return url;
  }
  throw new HullError(
    'invalid-argument',
    `${JSON.stringify(address.slice(0, 300))} is no http or https address`,
  );
}
