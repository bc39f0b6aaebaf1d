import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.ts';

/** Why there is nothing to compare with; null where there is. */
export const NO_DOCKERD =
  spawnSync('dockerd', ['--version']).status === 0 ? null : 'dockerd is not installed';

/**
 * Debian's dockerd, for one suite: in a mount and a network namespace of its own, so that its bridge, its firewall rules and its mounts
 * go with it.
 */
export class ReferenceEngine implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hull-ref-'));
  readonly socket = join(this.folder, 's');
  readonly #cgroup = `hull-reference-${process.pid}`;
  #daemon: ChildProcess | null = null;

  async start(): Promise<void> {
    mkdirSync(join(this.folder, 'data'));
    const log = openSync(join(this.folder, 'log'), 'a');
    const places = ['--data-root', `${this.folder}/data`, '--exec-root', `${this.folder}/exec`];
    const more = [
      '--pidfile',
      `${this.folder}/pid`,
      '--cgroup-parent',
      `/${this.#cgroup}`,
      '--storage-driver',
      'overlay2',
    ];
    const dockerd = ['dockerd', '--host', `unix://${this.socket}`, ...places, ...more].join(' ');
    this.#daemon = spawn(
      'unshare',
      ['--mount', '--net', '--propagation', 'private', 'sh', '-c', `ip link set lo up; exec ${dockerd}`],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    await until('dockerd', async () => {
      if (this.#daemon?.exitCode !== null)
        throw new Error(readFileSync(join(this.folder, 'log'), 'utf8').slice(-2000));
      return (await fetch('http://docker/_ping', { unix: this.socket })).ok ? true : null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== null && this.#daemon.exitCode === null) {
      const gone = once(this.#daemon, 'exit');
      this.#daemon.kill('SIGTERM');
      await Promise.race([gone, Bun.sleep(15_000)]);
      this.#daemon.kill('SIGKILL');
    }
    const root = '/sys/fs/cgroup';
    for (const hierarchy of ['', ...readdirSync(root)])
      spawnSync('find', [
        join(root, hierarchy, this.#cgroup),
        '-depth',
        '-type',
        'd',
        '-exec',
        'rmdir',
        '{}',
        '+',
      ]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
