import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Certificates for tests, made by openssl in `folder` under the names that Docker's clients look for. */
export class Certificates {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    this.#authority('ca');
    this.#authority('other');
    writeFileSync(this.path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.#sign('server', 'ca');
    // `cert.pem` and `key.pem` are the client's, beside `ca.pem`.
    this.#sign('client', 'ca', 'cert.pem', 'key.pem');
    this.#sign('stranger', 'other');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  #authority(name: string): void {
    this.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    );
  }

  #sign(name: string, authority: string, certificate = `${name}.pem`, key = `${name}.key`): void {
    this.#openssl('req', ...KEY, '-keyout', key, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signer = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-extfile', 'names', '-out', certificate);
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'ignore' });
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
