import { holds, parseIp } from '../../lib/ip.ts';
import { HostResolver } from '../host-resolver.ts';
import { ClientBudgets } from './budget.ts';
import type { NamedInstance, NamedNetwork, ResolverCommand, ServerPlace, ServerPorts } from './commands.ts';
import { Forwarder } from './forwarder.ts';
import { NameTable } from './names.ts';
import { NameScopes } from './scopes.ts';
import { type DnsClient, DnsServer } from './server.ts';

export interface ResolverOptions {
  /** The host's; undefined: /etc/resolv.conf. */
  readonly resolvConf: string | undefined;
  /** Carries out the commands that were given by now. */
  readonly catchUp: () => void;
}

/** All names, and the servers that answer for them. It lives in a thread of its own (`worker.ts`): what instances ask takes nothing from others. */
export class Resolver {
  readonly #scopes = new NameScopes();
  readonly #budgets = new ClientBudgets();
  readonly #networks = new Map<string, NamedNetwork>();
  readonly #servers = new Map<string, DnsServer>();
  readonly #host: HostResolver;
  readonly #catchUp: () => void;

  constructor({ resolvConf, catchUp }: ResolverOptions) {
    this.#host = new HostResolver(resolvConf);
    this.#catchUp = catchUp;
  }

  /** Where the server listens that the command is about; null for every other command. Rejects when none of its ports is free. */
  async carryOut(command: ResolverCommand): Promise<ServerPorts | null> {
    switch (command.kind) {
      case 'network':
        this.#add(command.network);
        return null;
      case 'no-network':
        this.#networks.delete(command.id);
        this.#scopes.remove(command.id);
        return null;
      case 'instance':
        this.#know(command.instance);
        return null;
      case 'no-instance':
        this.#scopes.leave(command.id);
        this.#budgets.forget(command.id);
        return null;
      case 'listen':
        return this.#listen(command.place);
      case 'close':
        await this.#close(command.networkId);
        return null;
    }
  }

  #add(network: NamedNetwork): void {
    const { id, prefixes, internal } = network;
    this.#networks.set(id, network);
    this.#scopes.add(id, { table: new NameTable(), prefixes, internal });
  }

  #know({ id, links, networks, upstreams }: NamedInstance): void {
    this.#scopes.leave(id);
    if (networks.length === 0) return;
    this.#scopes.join(
      id,
      networks.map((network) => network.id),
      links,
      upstreams,
    );
    for (const network of networks)
      this.#scopes.table(network.id)?.set(id, network.names, ...network.addresses);
  }

  async #listen({ networkId, address, ports }: ServerPlace): Promise<ServerPorts> {
    // The gateway itself in the host's resolv.conf would send queries round in circles.
    const upstreams = () => this.#host.current().nameservers.filter((server) => server !== address);
    const server = new DnsServer({
      address,
      preferredPorts: ports,
      client: (from) => this.#clientAt(networkId, from),
      forwarder: new Forwarder({ upstreams, slots: this.#budgets.forwarded }),
      budgets: this.#budgets,
    });
    const taken = await server.listen();
    this.#servers.set(networkId, server);
    return taken;
  }

  async #close(networkId: string): Promise<void> {
    const server = this.#servers.get(networkId);
    this.#servers.delete(networkId);
    await server?.close();
  }

  /** Only a network's own instances are served: else every neighbour of the host could use it. Those that nobody knows share one budget. */
  #clientAt(networkId: string, from: string): DnsClient | null {
    this.#catchUp();
    const address = parseIp(from);
    const prefixes = this.#networks.get(networkId)?.prefixes ?? [];
    if (address === null || !prefixes.some((prefix) => holds(prefix, address))) return null;
    const id = this.#scopes.table(networkId)?.holderOf(from) ?? `unknown ${networkId}`;
    return { id, names: this.#scopes.view(networkId, from) };
  }
}
