import { networkId } from '../../lib/derived-id.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { findByNameOrId } from '../../lib/lookup.ts';
import { HullError } from '../../model/errors.ts';
import type { NetworkDefinition, NetworkDriver } from '../../model/network.ts';
import type { Network } from '../../network/network.ts';
import type { NetworkRepository } from '../../state/network-repository.ts';

export const BUILT_IN = ['bridge', 'host', 'none'] as const;

const LOOKUP = {
  id: ({ id }: { readonly id: string }) => id,
  name: ({ name }: { readonly name: string }) => name,
};

/** Every network by name and id, in memory and (written through) in the database. */
export class NetworkCatalog {
  readonly #repository: NetworkRepository;
  readonly #network: Pick<Network, 'defaultNetwork'>;
  readonly #others: readonly NetworkDefinition[];
  readonly #users = new Map<string, NetworkDefinition>();

  constructor(
    repository: NetworkRepository,
    network: Pick<Network, 'defaultNetwork'>,
    identity: EngineIdentity,
  ) {
    this.#repository = repository;
    this.#network = network;
    this.#others = [builtIn(identity, 'host', 'host'), builtIn(identity, 'none', 'null')];
    for (const definition of repository.list()) this.#users.set(definition.id, definition);
  }

  /** The built-in ones first, then by age. */
  list(): readonly NetworkDefinition[] {
    return [this.#network.defaultNetwork(), ...this.#others, ...this.users()];
  }

  users(): readonly NetworkDefinition[] {
    return [...this.#users.values()];
  }

  isBuiltIn({ id }: NetworkDefinition): boolean {
    return !this.#users.has(id);
  }

  /** Networks whose records cannot be read, by id; by name too, where that can be read. */
  damaged(): readonly { readonly id: string; readonly name: string; readonly fault: string }[] {
    return this.#repository.damaged().map(({ id, text, fault }) => {
      const name = /"name":"([a-zA-Z0-9][a-zA-Z0-9_.-]*)"/.exec(text)?.[1];
      return { id, name: name ?? id.slice(0, 12), fault };
    });
  }

  /** By full id, name, or unambiguous id prefix, in this order. */
  find(nameOrId: string): NetworkDefinition | null {
    const found = findByNameOrId(this.list(), nameOrId, LOOKUP);
    if ('one' in found) return found.one;
    if (found.matches > 1)
      throw new HullError(
        'ambiguous-id',
        `network ${nameOrId} is ambiguous (${found.matches} matches found on ID prefix)`,
      );
    return null;
  }

  get(nameOrId: string): NetworkDefinition {
    const found = this.find(nameOrId);
    const damaged = found === null ? this.findDamaged(nameOrId) : null;
    if (damaged !== null)
      throw new HullError(
        'state-corrupt',
        `the record of the network ${damaged.name} is damaged (${damaged.fault}); \`hull network rm ${damaged.id.slice(0, 12)}\` removes it`,
      );
    if (found === null) throw new HullError('network-not-found', `network ${nameOrId} not found`);
    return found;
  }

  findDamaged(
    nameOrId: string,
  ): { readonly id: string; readonly name: string; readonly fault: string } | null {
    const found = findByNameOrId(this.damaged(), nameOrId, { ...LOOKUP, shortest: 12 });
    return 'one' in found ? found.one : null;
  }

  add(definition: NetworkDefinition): void {
    this.#repository.add(definition);
    this.#users.set(definition.id, definition);
  }

  delete(id: string): void {
    this.#repository.remove(id);
    this.#users.delete(id);
  }
}

function builtIn(identity: EngineIdentity, name: string, driver: NetworkDriver): NetworkDefinition {
  return {
    id: networkId(identity, name),
    name,
    driver,
    createdAt: Date.now(),
    internal: false,
    attachable: false,
    ipv6: false,
    pools: [],
    options: {},
    ipamOptions: null,
    labels: {},
    link: '',
  };
}
