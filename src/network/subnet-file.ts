import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { formatSubnet, parseSubnet, type Subnet } from './ipv4.ts';

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
  read(): Subnet | null {
    try {
      return parseSubnet(v.parse(Content, JSON.parse(readFileSync(this.#path, 'utf8'))).subnet);
    } catch {
      return null;
    }
  }

  async write(subnet: Subnet): Promise<void> {
    const before = this.read();
    if (before !== null && formatSubnet(before) === formatSubnet(subnet)) return;
    await this.#host.files.writeDurable(this.#path, `${JSON.stringify({ subnet: formatSubnet(subnet) })}\n`);
  }
}
