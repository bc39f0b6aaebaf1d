import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HullError } from '../../model/errors.ts';
import type { TlsSettings } from './transport.ts';

/** One way to speak to a registry. */
export interface Endpoint {
  /** Without a trailing slash: `https://registry.example:5000`. */
  readonly origin: string;
  readonly tls: TlsSettings;
}

/** Where certificates for single registries lie, each in a folder of the registry's name: `*.crt` authorities, `*.cert` and `*.key` for the client. */
const CERTIFICATE_FOLDERS: readonly string[] = ['/etc/hull/certs.d', '/etc/docker/certs.d'];

/** Docker's own registry answers under another name than the images'. */
const HUB = 'docker.io';
const HUB_HOST = 'registry-1.docker.io';

/**
 * How to reach the registry of a domain, the best way first. TLS always; this host itself also with any certificate and without TLS, as nobody
 * stands in between there.
 */
export function endpointsOf(
  domain: string,
  folders: readonly string[] = CERTIFICATE_FOLDERS,
): readonly Endpoint[] {
  const host = domain === HUB ? HUB_HOST : domain;
  const tls = certificates(domain, folders);
  if (!isLoopback(host)) return [{ origin: `https://${host}`, tls }];
  return [
    { origin: `https://${host}`, tls: { ...tls, anyCertificate: true } },
    { origin: `http://${host}`, tls: {} },
  ];
}

/** `localhost`, `127.0.0.0/8`, `::1`, with or without port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function certificates(domain: string, folders: readonly string[]): TlsSettings {
  for (const folder of folders) {
    const place = join(folder, domain);
    const names = listing(place);
    if (names.length === 0) continue;
    const ca = names.filter((name) => name.endsWith('.crt')).map((name) => readPem(place, name));
    const client = names.find((name) => name.endsWith('.cert'));
    const key = client?.replace(/\.cert$/, '.key');
    if (client !== undefined && (key === undefined || !names.includes(key)))
      throw new HullError(
        'invalid-argument',
        `missing key ${key} for client certificate ${client} in ${place}`,
      );
    return {
      ...(ca.length === 0 ? {} : { ca }),
      ...(client === undefined || key === undefined
        ? {}
        : { certificate: readPem(place, client), key: readPem(place, key) }),
    };
  }
  return {};
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    // No folder: nothing was set up for this registry.
    return [];
  }
}

function readPem(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}
