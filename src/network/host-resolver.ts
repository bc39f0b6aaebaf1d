import { readFileSync, statSync } from 'node:fs';
import { parseResolvConf, type ResolvConf } from './dns/resolv-conf.ts';

const PATH = '/etc/resolv.conf';

/** The host's resolver settings, read again when the file changes. */
export class HostResolver {
  readonly #path: string;
  #stamp = '';
  #read: ResolvConf = { nameservers: [], search: [], options: [] };

  constructor(path: string = PATH) {
    this.#path = path;
  }

  /** Empty lists where the file is missing. A local stub (systemd-resolved's 127.0.0.53) is fine: the engine runs beside it. */
  current(): ResolvConf {
    try {
      const { mtimeMs, ino, size } = statSync(this.#path);
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (stamp !== this.#stamp) this.#read = parseResolvConf(readFileSync(this.#path, 'utf8'));
      this.#stamp = stamp;
    } catch {
      this.#stamp = '';
      this.#read = { nameservers: [], search: [], options: [] };
    }
    return this.#read;
  }
}
