import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { startThread } from '../../host/thread.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type {
  NamedInstance,
  NamedNetwork,
  ResolverCommand,
  ResolverReply,
  ServerPlace,
  ServerPorts,
} from './commands.ts';
import type { ResolverData } from './worker.ts';

/** Milliseconds before a thread that broke is started again. */
const PAUSE = 200;

export interface ResolverThreadOptions {
  /** Default: /etc/resolv.conf. */
  readonly resolvConf?: string | undefined;
  /** A server listens elsewhere than before: another program has its port. */
  readonly moved: (networkId: string, ports: ServerPorts) => void;
  readonly log: (message: string) => void;
}

/** What waits for an answer of the thread. */
interface Call {
  readonly resolve: (ports: ServerPorts | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The resolver in a thread of its own, as the rest of the engine sees it. What it was told is kept here: should the thread break, another one
 * gets all of it, and listens on the same ports.
 */
export class ResolverThread {
  readonly #options: ResolverThreadOptions;
  readonly #networks = new Map<string, NamedNetwork>();
  readonly #instances = new Map<string, NamedInstance>();
  readonly #places = new Map<string, ServerPlace>();
  readonly #calls = new Map<number, Call>();
  #worker: Worker;
  #port: MessagePort;
  #call = 0;
  #stopped = false;
  /** Between one thread's end and the next one's beginning. */
  #broken = false;

  constructor(options: ResolverThreadOptions) {
    this.#options = options;
    [this.#worker, this.#port] = this.#start();
  }

  addNetwork(network: NamedNetwork): void {
    this.#networks.set(network.id, network);
    this.#tell({ kind: 'network', network });
  }

  removeNetwork(id: string): void {
    if (this.#networks.delete(id)) this.#tell({ kind: 'no-network', id });
  }

  /** Replaces what was known of the instance. */
  know(instance: NamedInstance): void {
    this.#instances.set(instance.id, instance);
    this.#tell({ kind: 'instance', instance });
  }

  forget(id: string): void {
    if (this.#instances.delete(id)) this.#tell({ kind: 'no-instance', id });
  }

  /** Opens a network's server; resolves with the ports that it listens on. */
  async listen(place: ServerPlace): Promise<ServerPorts> {
    const ports = await this.#ask((call) => ({ kind: 'listen', call, place }));
    if (ports === null) throw new HullError('internal', 'the resolver listens nowhere');
    this.#places.set(place.networkId, { ...place, ports });
    return ports;
  }

  async close(networkId: string): Promise<void> {
    if (!this.#places.delete(networkId)) return;
    await this.#ask((call) => ({ kind: 'close', call, networkId }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#port.close();
    await this.#worker.terminate();
    this.#failCalls('the resolver was stopped');
  }

  /** For tests: the thread ends as one does that broke. */
  async breakOff(): Promise<void> {
    await this.#worker.terminate();
  }

  #start(): [Worker, MessagePort] {
    const { port1: own, port2: port } = new MessageChannel();
    const data: ResolverData = { port, resolvConf: this.#options.resolvConf };
    const worker = startThread('network/dns/worker.ts', data, [port]);
    own.on('message', (reply: ResolverReply) => this.#take(reply));
    worker.on('error', (error) => this.#options.log(`the resolver: ${messageOf(error)}`));
    worker.once('exit', () => this.#broke());
    // It is no reason for the daemon to go on.
    worker.unref();
    own.unref();
    return [worker, own];
  }

  #tell(command: ResolverCommand): void {
    // The next thread is told all that is known.
    if (!this.#broken) this.#port.postMessage(command);
  }

  #ask(command: (call: number) => ResolverCommand): Promise<ServerPorts | null> {
    if (this.#broken || this.#stopped)
      return Promise.reject(new HullError('command-failed', 'the resolver is restarting'));
    const call = ++this.#call;
    const { promise, resolve, reject } = Promise.withResolvers<ServerPorts | null>();
    this.#calls.set(call, { resolve, reject });
    // Whoever waits is held by the thread meanwhile.
    this.#port.ref();
    this.#tell(command(call));
    return promise.finally(() => {
      if (this.#calls.size === 0) this.#port.unref();
    });
  }

  #take(reply: ResolverReply): void {
    const call = this.#calls.get(reply.call);
    this.#calls.delete(reply.call);
    if ('error' in reply) call?.reject(new HullError('command-failed', `the resolver: ${reply.error}`));
    else call?.resolve(reply.ports);
  }

  #failCalls(why: string): void {
    for (const { reject } of this.#calls.values()) reject(new HullError('command-failed', why));
    this.#calls.clear();
  }

  #broke(): void {
    if (this.#stopped) return;
    this.#broken = true;
    this.#port.close();
    this.#failCalls('the resolver thread died');
    this.#options.log('the resolver thread died; restarting it');
    setTimeout(() => {
      if (this.#stopped) return;
      this.#broken = false;
      [this.#worker, this.#port] = this.#start();
      this.#restore();
    }, PAUSE).unref();
  }

  /** Tells a new thread all that the one before knew. */
  #restore(): void {
    for (const network of this.#networks.values()) this.#tell({ kind: 'network', network });
    for (const instance of this.#instances.values()) this.#tell({ kind: 'instance', instance });
    for (const place of this.#places.values()) {
      this.listen(place).then(
        (ports) => {
          const same = ports.udp === place.ports.udp && ports.tcp === place.ports.tcp;
          if (!same) this.#options.moved(place.networkId, ports);
        },
        (error: Error) => this.#options.log(error.message),
      );
    }
  }
}
