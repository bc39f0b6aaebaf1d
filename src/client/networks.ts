import type { EndpointRequest, NetworkCreateRequest, NetworkResource } from '../../api/docker.ts';
import type { Caller } from './caller.ts';

/** `/networks` of the Docker Engine API. */
export class Networks {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  list(filters: string | undefined): Promise<readonly NetworkResource[]> {
    return this.#caller.json('GET', '/networks', { query: { filters } });
  }

  inspect(name: string): Promise<NetworkResource> {
    return this.#caller.json('GET', pathOf(name));
  }

  create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }> {
    return this.#caller.json('POST', '/networks/create', { json: request });
  }

  async remove(name: string): Promise<void> {
    await this.#caller.done('DELETE', pathOf(name));
  }

  async connect(name: string, instance: string, endpoint: EndpointRequest): Promise<void> {
    await this.#caller.done('POST', `${pathOf(name)}/connect`, {
      json: { Container: instance, EndpointConfig: endpoint },
    });
  }

  async disconnect(name: string, instance: string, force: boolean): Promise<void> {
    await this.#caller.done('POST', `${pathOf(name)}/disconnect`, {
      json: { Container: instance, Force: force },
    });
  }

  prune(filters: string | undefined): Promise<{ NetworksDeleted: readonly string[] | null }> {
    return this.#caller.json('POST', '/networks/prune', { query: { filters } });
  }
}

const pathOf = (name: string): string => `/networks/${encodeURIComponent(name)}`;
