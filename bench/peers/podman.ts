import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../shell.ts';
import { PEER_CGROUP, type Workplace } from '../workplace.ts';
import type { Engine } from './engine.ts';

/** podman with storage of its own. It has no daemon. */
export class Podman implements Engine {
  readonly name = 'podman';
  readonly runOptions = ['--cgroup-parent', `/${PEER_CGROUP}`];
  readonly removeOptions = ['--time', '0'];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #prefix: readonly string[];

  constructor(place: Workplace) {
    this.folder = join(place.folder, 'podman');
    mkdirSync(this.folder);
    const configuration = join(this.folder, 'containers.conf');
    writeFileSync(configuration, CONFIGURATION);
    this.env = { ...process.env, CONTAINERS_CONF: configuration };
    this.#prefix = [
      ...place.enter,
      'podman',
      '--root',
      `${this.folder}/root`,
      '--runroot',
      `${this.folder}/run`,
      '--tmpdir',
      `${this.folder}/tmp`,
    ];
  }

  ready(archive: string): void {
    must(this.command('import', archive, 'busybox'), { env: this.env });
  }

  get version(): string {
    return must(this.command('version', '--format', '{{.Client.Version}}'), { env: this.env }).trim();
  }

  command(...args: readonly string[]): readonly string[] {
    return [...this.#prefix, ...args];
  }

  daemons(): readonly number[] {
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    must(this.command('rm', '--all', '--force', ...this.removeOptions), { env: this.env });
  }
}

/** Limits that need no privilege to set, and the settings of a host without systemd; the rest is podman's default. */
const CONFIGURATION = `
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;
