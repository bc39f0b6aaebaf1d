import { Caller } from './caller.ts';
import { Containers } from './containers.ts';
import { ContainerFiles } from './container-files.ts';
import { type Dial, HttpClient } from './http-client.ts';
import { Images } from './images.ts';
import { Native } from './native.ts';
import { Networks } from './networks.ts';
import { System } from './system.ts';
import { Volumes } from './volumes.ts';

/** One engine, typed: used by the command line, tests and other hosts. Nothing is sent before the first call. */
export class Client {
  readonly containers: Containers;
  readonly files: ContainerFiles;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly system: System;
  readonly native: Native;
  readonly #http: HttpClient;

  /** `apiVersion`: an older one than the client's own, for an engine that does not know that yet. `host`: the engine's name on TCP. */
  constructor(dial: Dial, options: { apiVersion?: string; host?: string } = {}) {
    this.#http = new HttpClient(dial, options.host);
    const caller = new Caller(this.#http, options.apiVersion);
    this.containers = new Containers(caller);
    this.files = new ContainerFiles(caller);
    this.images = new Images(caller);
    this.volumes = new Volumes(caller);
    this.networks = new Networks(caller);
    this.system = new System(caller);
    this.native = new Native(caller);
  }

  /** Opens `count` connections now, for calls that will overlap. Rejects with `engine-unreachable`. */
  warm(count: number): Promise<void> {
    return this.#http.warm(count);
  }

  close(): void {
    this.#http.close();
  }
}
