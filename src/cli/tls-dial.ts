import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { connectTls } from '../host/tls-connection.ts';
import type { ByteConnection } from '../host/unix-connection.ts';
import type { TcpAddress } from '../lib/tcp-address.ts';
import { HullError, messageOf } from '../model/errors.ts';

/** Docker's places and names: a folder with `ca.pem`, `cert.pem` and `key.pem`. */
export async function dialTls(
  address: TcpAddress,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ByteConnection> {
  // Empty is as good as unset.
  const given = env['HULL_CERT_PATH'] || env['DOCKER_CERT_PATH'];
  const folder = given || join(env['HOME'] || homedir(), '.docker');
  const read = (name: string): Promise<string> =>
    readFile(join(folder, name), 'utf8').catch((error: unknown) => {
      throw new HullError(
        'invalid-argument',
        `an engine on TCP asks for a certificate, which cannot be read: ${messageOf(error)}; put ca.pem, cert.pem and key.pem into a folder and name it in HULL_CERT_PATH or DOCKER_CERT_PATH`,
        { cause: error },
      );
    });
  const [authority, certificate, key] = await Promise.all([
    read('ca.pem'),
    read('cert.pem'),
    read('key.pem'),
  ]);
  return connectTls({ ...address, authority, certificate, key });
}
