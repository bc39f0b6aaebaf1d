import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { messageOf } from '../../model/errors.ts';
import type { CliIo } from '../io.ts';
import { CommandFailure } from '../usage-error.ts';

/** Where docker keeps what belongs to its hub. */
const HUB_KEY = 'https://index.docker.io/v1/';

interface ConfigFile {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
}

/**
 * The credentials that `hull login` keeps, in docker's format: `config.json` in `$HULL_CONFIG`, by default `~/.hull`. What docker itself keeps
 * (`$DOCKER_CONFIG`, `~/.docker`) is read too, never written.
 */
export class CredentialsFile {
  readonly #path: string;
  readonly #dockerPath: string;

  constructor({ env }: Pick<CliIo, 'env'>) {
    const home = env['HOME'] ?? homedir();
    this.#path = join(env['HULL_CONFIG'] ?? join(home, '.hull'), 'config.json');
    this.#dockerPath = join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json');
  }

  get path(): string {
    return this.#path;
  }

  /** The value of `X-Registry-Auth` for a registry; undefined where nobody has logged in. */
  header(registry: string): string | undefined {
    const key = keyOf(registry);
    const entry = this.#read(this.#path).auths?.[key] ?? this.#read(this.#dockerPath).auths?.[key];
    if (entry === undefined) return undefined;
    const [username, password] = splitAuth(entry.auth ?? '');
    const { identitytoken } = entry;
    const auth = {
      username,
      password,
      serveraddress: key,
      ...(identitytoken === undefined ? {} : { identitytoken }),
    };
    return Buffer.from(JSON.stringify(auth)).toString('base64url');
  }

  username(registry: string): string | undefined {
    const auth = this.#read(this.#path).auths?.[keyOf(registry)]?.auth;
    return auth === undefined ? undefined : splitAuth(auth)[0];
  }

  save(registry: string, username: string, password: string): void {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    this.#change((auths) => ({ ...auths, [keyOf(registry)]: { auth } }));
  }

  /** False when nothing was kept for the registry. */
  remove(registry: string): boolean {
    const key = keyOf(registry);
    const known = this.#read(this.#path).auths?.[key] !== undefined;
    if (known)
      this.#change((auths) => Object.fromEntries(Object.entries(auths).filter(([name]) => name !== key)));
    return known;
  }

  #change(change: (auths: NonNullable<ConfigFile['auths']>) => NonNullable<ConfigFile['auths']>): void {
    const config = this.#read(this.#path);
    const text = `${JSON.stringify({ ...config, auths: change(config.auths ?? {}) }, null, 2)}\n`;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.${process.pid}`;
    // Only its owner may read it, from the first byte on.
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, this.#path);
  }

  #read(path: string): ConfigFile {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      // Nobody has logged in yet.
      return {};
    }
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null ? value : {};
    } catch (error) {
      throw new CommandFailure(1, `${path} is not valid JSON: ${messageOf(error)}; correct or remove it`);
    }
  }
}

/** The registry of an image's name, as it is logged in to: `docker.io` where the name says none. */
export function registryOfName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

function keyOf(registry: string): string {
  const host = registry.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return ['', 'docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(host) ? HUB_KEY : host;
}

function splitAuth(auth: string): readonly [string, string] {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}
