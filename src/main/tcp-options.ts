import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { DaemonOptions } from '../cli/index.ts';
import type { TcpOptions } from '../http/server.ts';
import { parseTcpUrl } from '../lib/tcp-address.ts';
import { HullError, messageOf } from '../model/errors.ts';

/** Docker's, with TLS. */
const DEFAULT_PORT = 2376;

type Asked = Pick<DaemonOptions, 'tcp' | 'tlsCaCert' | 'tlsCert' | 'tlsKey' | 'allowedHosts'>;

/** What the daemon's flags ask for on TCP. Throws `invalid-argument` for what is no address, and where a certificate is missing: whoever may speak to the engine is root on its host. */
export function tcpOptions(asked: Asked): readonly TcpOptions[] {
  const { tlsCaCert, tlsCert, tlsKey, allowedHosts } = asked;
  const addresses = asked.tcp.map((url) => {
    const address = parseTcpUrl(url, DEFAULT_PORT);
    if (address !== null && (isIP(address.hostname) !== 0 || address.hostname === 'localhost'))
      return address;
    throw refusal(
      `--host ${JSON.stringify(url)} is not understood: use tcp://ADDRESS:PORT (the socket is --socket)`,
    );
  });
  const given = [tlsCaCert, tlsCert, tlsKey].filter((file) => file !== undefined).length;
  if (addresses.length === 0) {
    if (given + allowedHosts.length === 0) return [];
    throw refusal(
      '--tlscacert, --tlscert, --tlskey and --allowed-host are for TCP: say where with --host tcp://ADDRESS:PORT',
    );
  }
  if (tlsCaCert === undefined || tlsCert === undefined || tlsKey === undefined) {
    throw refusal(
      'the engine listens on TCP only with certificates on both sides, for its clients are root on this host: give --tlscacert, --tlscert and --tlskey',
    );
  }
  const tls = { clientAuthority: pem(tlsCaCert), certificate: pem(tlsCert), key: pem(tlsKey) };
  return addresses.map((address) => ({ ...address, tls, allowedHosts }));
}

function pem(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refusal(`${path} cannot be read: ${messageOf(error)}`);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw refusal(`${path} has no certificate or key in PEM`);
}

function refusal(message: string): HullError {
  return new HullError('invalid-argument', message);
}
