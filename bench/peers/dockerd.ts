import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf } from '../processes.ts';
import { end, must, start, succeeds, until } from '../shell.ts';
import { PEER_CGROUP, type Workplace } from '../workplace.ts';
import type { Engine } from './engine.ts';

/** A dockerd of the benchmark's own, with Debian's default settings apart from where its things are. */
export class Dockerd implements Engine {
  readonly name = 'dockerd';
  readonly runOptions: readonly string[] = [];
  readonly removeOptions: readonly string[] = [];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv = process.env;
  readonly socket: string;
  readonly #daemon: ChildProcess;

  constructor(place: Workplace) {
    this.folder = join(place.folder, 'dockerd');
    mkdirSync(this.folder);
    this.socket = join(this.folder, 'docker.sock');
    const places = [
      '--data-root',
      `${this.folder}/data`,
      '--exec-root',
      `${this.folder}/exec`,
      '--pidfile',
      `${this.folder}/pid`,
    ];
    const command = [
      ...place.enter,
      'dockerd',
      ...places,
      '--host',
      `unix://${this.socket}`,
      '--cgroup-parent',
      `/${PEER_CGROUP}`,
    ];
    this.#daemon = start(command, join(place.folder, 'dockerd.log'));
  }

  /** Resolves when it answers and has the image. */
  async ready(archive: string): Promise<void> {
    await until('dockerd', () => succeeds(this.command('version')));
    must(this.command('import', archive, 'busybox'));
  }

  get version(): string {
    return must(this.command('version', '--format', '{{.Server.Version}}')).trim();
  }

  command(...args: readonly string[]): readonly string[] {
    return dockerClient(this.socket, ...args);
  }

  /** dockerd and the containerd that it starts. */
  daemons(): readonly number[] {
    const daemon = this.#daemon.pid;
    return daemon === undefined ? [] : [daemon, ...childrenOf(daemon)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#daemon);
  }
}

/** The same client for every engine that speaks Docker's interface. */
export function dockerClient(socket: string, ...args: readonly string[]): readonly string[] {
  return ['docker', '--host', `unix://${socket}`, ...args];
}
