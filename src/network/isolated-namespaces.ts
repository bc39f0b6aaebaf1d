import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { toHullError } from '../model/errors.ts';
import type { Sweeper } from './sweeper.ts';

/** Makes and unmakes namespaces with loopback alone, for instances of the network mode `none`. */
export class IsolatedNamespaces {
  readonly #parts: { host: Host; setup: NamespaceSetup; sweeper: Sweeper; folder: string };
  /** Made by this object and nobody's yet. */
  readonly #held = new Set<string>();

  constructor(parts: { host: Host; setup: NamespaceSetup; sweeper: Sweeper; folder: string }) {
    this.#parts = parts;
  }

  /** All or none. */
  create(count: number): Promise<string[]> {
    const made = Array.from({ length: count }, () => this.#path());
    try {
      for (const namespace of made) this.#make(namespace);
    } catch (error) {
      this.discard(made);
      return Promise.reject(toHullError(error));
    }
    return Promise.resolve(made);
  }

  /** Queues the removal. */
  discard(namespaces: readonly string[]): void {
    const { sweeper } = this.#parts;
    for (const namespace of namespaces) this.handOver(namespace);
    sweeper.discard(...namespaces.map((namespace) => ({ hostLinks: [], namespace, gone: () => undefined })));
  }

  /** It is an instance's now, or the sweeper's. */
  handOver(namespace: string): void {
    this.#held.delete(namespace);
  }

  /** Names of what is ready or being made. */
  get held(): Iterable<string> {
    return this.#held;
  }

  #make(namespace: string): void {
    const { host, setup } = this.#parts;
    this.#held.add(namespace);
    host.namespaces.createNet(namespace);
    setup.configure(namespace, null);
  }

  /** A new name each time: an instance's former namespace may still wait for its removal. */
  #path(): string {
    return join(this.#parts.folder, `none-${randomBytes(6).toString('hex')}`);
  }
}
