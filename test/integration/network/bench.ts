/** Helpers of the network's tests: an engine identity of its own, namespaces that play other computers, and cleaning up behind all of it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child, Host } from '../../../src/host/host.ts';
import { createHost } from '../../../src/host/index.ts';
import type { EngineIdentity } from '../../../src/model/engine-identity.ts';
import { names } from '../../../src/model/engine-identity.ts';
import type { PortBinding } from '../../../src/model/instance.ts';
import type { NetworkDefinition } from '../../../src/model/network.ts';
import { createNetwork, type NetworkSettings } from '../../../src/network/index.ts';
import type { Network, NetworkDraft, NetworkLease } from '../../../src/network/network.ts';
import { testIdentity } from '../../support/identity.ts';

const PEER = new URL('peer.ts', import.meta.url).pathname;
const WIRE = new URL('wire.ts', import.meta.url).pathname;

export class NetworkBench {
  readonly host: Host = createHost();
  /** With a space: folders are the user's to name. */
  readonly folder = mkdtempSync(join(tmpdir(), 'hull net-'));
  readonly identity: EngineIdentity;
  readonly #children: Child[] = [];
  readonly #undo: (() => Promise<void>)[] = [];

  constructor() {
    this.identity = testIdentity(this.folder);
    for (const folder of [this.identity.dataDir, this.identity.runDir]) mkdirSync(folder);
  }

  network(settings: NetworkSettings = {}): Network {
    return createNetwork({ host: this.host, identity: this.identity, settings });
  }

  /** An instance's id. */
  id(number: number): string {
    return number.toString(16).padStart(64, '0');
  }

  /**
   * Another computer beside the host, in a namespace: the host has `${prefix}.1` towards it, it has `${prefix}.2` and no route elsewhere.
   */
  async computer(name: string, prefix: string): Promise<string> {
    const path = join(this.folder, name);
    const link = `t${this.identity.tag}-${name}`;
    this.host.namespaces.createNet(path);
    this.#undo.push(async () => {
      await this.host.exec.run(['ip', 'link', 'delete', 'dev', link]);
      await this.host.namespaces.removeNet(path);
    });
    await this.host.exec.must([
      'ip',
      'link',
      'add',
      link,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      path,
    ]);
    await this.host.exec.must(['ip', '-batch', '-'], {
      input: `address add ${prefix}.1/30 dev ${link}\nlink set dev ${link} up\n`,
    });
    const input = `address add ${prefix}.2/30 dev eth0\nlink set dev eth0 up\nlink set dev lo up\n`;
    await this.host.exec.must([...this.host.namespaces.enterNet(path), 'ip', '-batch', '-'], { input });
    return path;
  }

  /** Serves inside a namespace until `clean`. */
  async serve(namespace: string, name: string, ...ports: string[]): Promise<void> {
    const command = [
      ...this.host.namespaces.enterNet(namespace),
      process.execPath,
      PEER,
      'serve',
      name,
      ...ports,
    ];
    const child = this.host.exec.spawn(command, { stdout: 'pipe' });
    this.#children.push(child);
    for await (const chunk of child.stdout ?? []) if (String(chunk).includes('ready')) return;
    throw new Error(`the server ${name} did not start`);
  }

  /** What a client in a namespace (null: on the host) is told; `nothing` without a reply. */
  async peer(namespace: string | null, ...args: string[]): Promise<string> {
    const prefix = namespace === null ? [] : this.host.namespaces.enterNet(namespace);
    return (await this.host.exec.must([...prefix, process.execPath, PEER, ...args])).trim();
  }

  /** Makes a network of a user's. */
  async addNetwork(network: Network, more: Partial<NetworkDraft> = {}): Promise<NetworkDefinition> {
    const id = randomBytes(32).toString('hex');
    const nothing = { internal: false, attachable: false, ipv6: false, options: {}, labels: {} };
    const draft = {
      id,
      name: id.slice(0, 6),
      driver: 'bridge' as const,
      ...nothing,
      ipamOptions: null,
      pools: [],
    };
    const definition = await network.plan({ ...draft, ...more });
    await network.add(definition);
    return definition;
  }

  /** Puts an instance on networks of a user's, the default one or both. */
  attachTo(
    network: Network,
    number: number,
    definitions: readonly NetworkDefinition[],
    ports: readonly PortBinding[] = [],
  ): Promise<NetworkLease> {
    const connections = definitions.map(({ id, name }) => {
      return { networkId: id, network: name, aliases: [], links: [], gatewayPriority: 0, driverOptions: {} };
    });
    return network.attach({ instanceId: this.id(number), mode: 'bridge', ports, names: [], connections });
  }

  /** A program in a namespace (null: on the host); its output. */
  async inside(namespace: string | null, ...command: string[]): Promise<string> {
    const prefix = namespace === null ? [] : this.host.namespaces.enterNet(namespace);
    return (await this.host.exec.must([...prefix, ...command])).trim();
  }

  /** Sends frames as they are. */
  async send(namespace: string, link: string, ...frames: string[]): Promise<void> {
    await this.inside(namespace, process.execPath, WIRE, 'send', link, ...frames);
  }

  /** What arrives at a link, as hexadecimal frames, while `act` runs and a moment longer. */
  async hear(namespace: string, link: string, act: () => Promise<void>): Promise<string[]> {
    const command = [...this.host.namespaces.enterNet(namespace), process.execPath, WIRE, 'hear', link];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    const ready = Promise.withResolvers<void>();
    child.stdout.on('data', (chunk: Buffer) => {
      text += String(chunk);
      ready.resolve();
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    await ready.promise;
    await act();
    await Bun.sleep(50);
    child.stdin.end();
    await closed;
    return text.trim().split('\n').slice(1);
  }

  /** Everything on the host that carries the engine's tag. */
  async traces(): Promise<string[]> {
    const links = await this.host.exec.must(['ip', '-o', 'link', 'show']);
    const tables = await this.host.exec.must(['nft', 'list', 'tables']);
    const mounts = this.host.mounts
      .list()
      .filter((mount) => mount.target.startsWith(`${this.identity.runDir}/`));
    return [
      ...links
        .split('\n')
        .filter(
          (line) =>
            line.includes(names.hostLink(this.identity, '')) || line.includes(names.bridge(this.identity)),
        ),
      ...tables.split('\n').filter((line) => line.includes(names.nftTable(this.identity))),
      ...mounts.map((mount) => mount.target),
    ];
  }

  /** Ends servers, removes computers, and whatever a failed test left of the network. */
  async clean(): Promise<void> {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
    await this.network().teardown();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function namespace(lease: NetworkLease): string {
  if (lease.bundle.mode === 'host') throw new Error('no namespace of its own');
  return lease.bundle.namespace;
}

export function address(lease: NetworkLease): string {
  const [first] = lease.attachments;
  if (first === undefined) throw new Error('no address');
  return first.endpoint.address;
}
