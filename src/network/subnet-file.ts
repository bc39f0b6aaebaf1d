import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { formatPrefix, parsePrefix4, type Prefix } from '../lib/ip.ts';

const Content = v.object({ subnet: v.string() });

/** Remembers the bridge's subnet in the data folder, so that instances keep their neighbourhood over restarts of engine and host. */
export class SubnetFile {
  readonly #host: Host;
  readonly #path: string;

  constructor(host: Host, dataDir: string) {
    this.#host = host;
    this.#path = join(dataDir, 'network.json');
  }

  /** Null when absent or unreadable: then a subnet is chosen anew. */
  read(): Prefix | null {
    try {
      return parsePrefix4(v.parse(Content, JSON.parse(readFileSync(this.#path, 'utf8'))).subnet);
    } catch {
      return null;
    }
  }

  async write(subnet: Prefix): Promise<void> {
    const before = this.read();
    if (before !== null && formatPrefix(before) === formatPrefix(subnet)) return;
    await this.#host.files.writeDurable(this.#path, `${JSON.stringify({ subnet: formatPrefix(subnet) })}\n`);
  }
}
