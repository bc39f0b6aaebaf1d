import type { ChildProcess } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { end, must, start, succeeds, until } from '../shell.ts';
import { PROJECT, type Workplace } from '../workplace.ts';
import { dockerClient } from './dockerd.ts';
import type { Engine } from './engine.ts';

/** An engine of ours, freshly built, with folders of its own. */
export class Hull implements Engine {
  readonly name = 'hull';
  readonly runOptions: readonly string[] = [];
  readonly removeOptions: readonly string[] = [];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly data: string;
  readonly socket: string;
  readonly #executable = join(PROJECT, 'dist/hull');
  readonly #daemon: ChildProcess;

  constructor(place: Workplace) {
    this.folder = join(place.folder, 'hull');
    mkdirSync(this.folder);
    this.socket = join(this.folder, 'hull.sock');
    this.data = join(this.folder, 'data');
    this.env = { ...process.env, HULL_HOST: `unix://${this.socket}` };
    mkdirSync(this.data);
    symlinkSync(join(PROJECT, '.cache/kernels'), join(this.data, 'kernels'));
    const command = [
      this.#executable,
      'daemon',
      '--data',
      this.data,
      '--run',
      join(this.folder, 'run'),
      '--socket',
      this.socket,
    ];
    this.#daemon = start(command, join(place.folder, 'hull.log'), this.env);
  }

  /** Resolves when it answers and has the image. */
  async ready(context: string): Promise<void> {
    await until('hull daemon', () => succeeds(dockerClient(this.socket, 'version')));
    must(this.command('build', '-q', '-t', 'busybox', context), { env: this.env });
  }

  get version(): string {
    return must([this.#executable, 'version', '--format', '{{.Server.Version}}'], { env: this.env }).trim();
  }

  command(...args: readonly string[]): readonly string[] {
    return [this.#executable, ...args];
  }

  daemons(): readonly number[] {
    return this.#daemon.pid === undefined ? [] : [this.#daemon.pid];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    must(this.command('shutdown', '--stop'), { env: this.env });
    await end(this.#daemon);
  }
}
