import { Caller } from './caller.ts';
import { Containers } from './containers.ts';
import { ContainerFiles } from './container-files.ts';
import { type Dial, HttpClient } from './http-client.ts';
import { Images } from './images.ts';
import { Native } from './native.ts';
import { System } from './system.ts';

/** One engine, typed: used by the command line, tests and other hosts. Nothing is sent before the first call. */
export class Client {
  readonly containers: Containers;
  readonly files: ContainerFiles;
  readonly images: Images;
  readonly system: System;
  readonly native: Native;
  readonly #http: HttpClient;

  /** `apiVersion`: an older one than the client's own, for an engine that does not know that yet. */
  constructor(dial: Dial, options: { apiVersion?: string } = {}) {
    this.#http = new HttpClient(dial);
    const caller = new Caller(this.#http, options.apiVersion);
    this.containers = new Containers(caller);
    this.files = new ContainerFiles(caller);
    this.images = new Images(caller);
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
