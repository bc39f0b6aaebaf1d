import type { Stdio } from '../runtime.ts';
import { FRAME } from './agent-protocol.ts';
import type { AgentClient } from './agent-client.ts';
import { ChunkQueue } from './chunk-queue.ts';

/** Bytes that one attached client may lag behind before the workload is made to wait. */
const CLIENT_LAG = 128 * 1024;

interface Client {
  readonly queue: ChunkQueue;
  readonly givesInput: boolean;
}

/**
 * The workload's stdio, shared by everybody who is attached. The agent sends output only while somebody is: the log is written by the guest
 * itself. Survives the agent connection: `bind` takes the next one.
 */
export class WorkloadHub {
  readonly #clients = new Set<Client>();
  readonly #options: { readonly openStdin: boolean; readonly stdinOnce: boolean };
  #agent: AgentClient | null = null;
  #running = Promise.withResolvers<void>();
  #isRunning = false;
  #ended = false;
  #wake: (() => void) | null = null;
  #pumping: Promise<void> = Promise.resolve();

  constructor(options: { openStdin: boolean; stdinOnce: boolean }) {
    this.#options = options;
  }

  get attached(): boolean {
    return this.#clients.size > 0;
  }

  attach(givesInput: boolean): Stdio {
    const client: Client = {
      queue: new ChunkQueue(() => this.#taken()),
      givesInput: givesInput && this.#options.openStdin,
    };
    if (this.#ended) client.queue.end();
    const first = this.#clients.size === 0;
    this.#clients.add(client);
    if (first && this.#isRunning) this.#open(true);
    return {
      output: client.queue,
      write: (data) => this.#write(client, data),
      closeInput: () => this.#closeInput(client),
      detach: () => this.#leave(client),
    };
  }

  /** A connection to a guest whose workload runs, or (before `started`) will run. */
  bind(agent: AgentClient): void {
    this.#agent = agent;
    this.#pumping = this.#pump(agent);
    if (this.#isRunning && this.attached) this.#open(true);
  }

  /** The workload runs. `told`: START said already that somebody is attached. */
  started(told: boolean): void {
    this.#isRunning = true;
    this.#running.resolve();
    if (this.attached) this.#open(!told);
  }

  /** The VM has ended: what its last connection still holds is passed on, then the output ends. */
  async finish(): Promise<void> {
    await this.#pumping;
    this.end();
  }

  /** No output will come any more. */
  end(): void {
    this.#ended = true;
    this.#running.resolve();
    for (const client of this.#clients) client.queue.end();
    this.#taken();
  }

  #open(attach: boolean): void {
    const agent = this.#agent;
    if (agent === null) return;
    // A connection that breaks here is bound again, or ends with the VM.
    if (attach) agent.send(FRAME.attach, agent.workload.id, new Uint8Array()).catch(() => undefined);
    agent.workload.open().catch(() => undefined);
  }

  async #pump(agent: AgentClient): Promise<void> {
    for await (const chunk of agent.workload.output) {
      for (const client of this.#clients) client.queue.push(chunk);
      while ([...this.#clients].some((client) => client.queue.held > CLIENT_LAG)) await this.#room();
    }
    if ((await agent.workload.exited) !== null) this.end();
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #taken(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async #write(client: Client, data: Uint8Array): Promise<void> {
    if (!client.givesInput) return;
    await this.#running.promise;
    if (!this.#ended) await this.#agent?.workload.write(data);
  }

  async #closeInput(client: Client): Promise<void> {
    if (!client.givesInput) return;
    await this.#running.promise;
    if (!this.#ended) await this.#agent?.workload.endInput();
  }

  #leave(client: Client): void {
    if (!this.#clients.delete(client)) return;
    client.queue.drop();
    this.#taken();
    if (this.#ended) return;
    if (client.givesInput && this.#options.stdinOnce) this.#closeInput(client).catch(() => undefined);
    const agent = this.#agent;
    if (agent !== null && this.#isRunning && !this.attached) {
      agent.send(FRAME.detach, agent.workload.id, new Uint8Array()).catch(() => undefined);
    }
  }
}
