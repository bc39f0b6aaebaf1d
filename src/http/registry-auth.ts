import { HullError, messageOf } from '../model/errors.ts';
import { trimEndOf } from '../lib/trim-end.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

/** What a client says about itself to a registry, through the engine. All of it optional; an empty object is "nobody". */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly email?: string;
  readonly serverAddress?: string;
  /** A refresh token, instead of a password. */
  readonly identityToken?: string;
  /** A bearer token that is sent to the registry as it is. */
  readonly registryToken?: string;
}

/** Field names as on the wire, in lower case: Docker's daemon takes them in any case, and docker-py sends `IdentityToken`. */
const FIELDS: Readonly<Record<string, keyof RegistryCredentials>> = {
  username: 'username',
  password: 'password',
  email: 'email',
  serveraddress: 'serverAddress',
  identitytoken: 'identityToken',
  registrytoken: 'registryToken',
};

/**
 * Reads `X-Registry-Auth`: the base64 of a JSON object (API reference, "Authentication"). Both alphabets are taken, with and
 * without padding. An absent or empty header is nobody. Throws `invalid-argument` for what cannot be read.
 */
export function registryAuth(header: string | readonly string[] | undefined): RegistryCredentials {
  const value = decodeHeader('X-Registry-Auth', header);
  return credentialsOf('X-Registry-Auth', value ?? {});
}

/** Reads `X-Registry-Config`: as `registryAuth`, for each registry by its host name. */
export function registryConfig(
  header: string | readonly string[] | undefined,
): ReadonlyMap<string, RegistryCredentials> {
  const name = 'X-Registry-Config';
  const value = decodeHeader(name, header) ?? {};
  if (!isObject(value)) throw invalid(name, 'expected a JSON object');
  return new Map(
    Object.entries(value).map(([registry, one]) => [registry, credentialsOf(`${name}.${registry}`, one)]),
  );
}

/** The same as JSON that is already parsed: the body of `POST /auth`. */
export function credentialsOf(name: string, value: unknown): RegistryCredentials {
  if (!isObject(value)) throw invalid(name, 'expected a JSON object');
  const found: { -readonly [Field in keyof RegistryCredentials]: string } = {};
  let auth = '';
  for (const [key, text] of Object.entries(value)) {
    const lower = key.toLowerCase();
    const field = Object.hasOwn(FIELDS, lower) ? FIELDS[lower] : undefined;
    if (text === null || (field === undefined && lower !== 'auth')) continue;
    if (typeof text !== 'string') throw invalid(name, `"${key}": expected a string`);
    if (text === '') continue;
    if (field === undefined) auth = text;
    else found[field] = text;
  }
  return auth === '' || found.username !== undefined ? found : { ...found, ...fromBasic(name, auth) };
}

/** `auth` of a client's configuration file: the base64 of `user:password`. */
function fromBasic(name: string, auth: string): RegistryCredentials {
  const text = decodeBase64(name, auth);
  const colon = text.indexOf(':');
  if (colon < 1) throw invalid(name, '"auth": expected the base64 of user:password');
  return { username: text.slice(0, colon), password: trimEndOf(text.slice(colon + 1), '\0') };
}

function decodeHeader(name: string, header: string | readonly string[] | undefined): unknown {
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return parseBoundedJson(decodeBase64(name, text.trim()));
  } catch (error) {
    // The text may hold a password: it is not repeated.
    throw error instanceof HullError ? error : invalid(name, 'it is not base64 of JSON');
  }
}

function decodeBase64(name: string, text: string): string {
  const plain = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) throw invalid(name, 'it is not base64');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(plain, 'base64'));
  } catch (error) {
    throw invalid(name, messageOf(error));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(name: string, why: string): HullError {
  return new HullError('invalid-argument', `invalid registry credentials in ${name}: ${why}`);
}
