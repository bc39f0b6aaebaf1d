import { spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { end, must, start, until } from './shell.ts';

export const PROJECT = resolve(import.meta.dirname, '..');

/** The cgroups of the peers, so that they can be removed afterwards. */
export const PEER_CGROUP = 'hull-bench-peers';

const APPLETS = ['sh', 'true', 'echo', 'sleep', 'cat', 'ls', 'dd', 'base64'];

/**
 * A folder for everything that the benchmark makes, and a mount and network namespace for dockerd and podman: their bridges, firewall rules
 * and mounts go away with it, whatever they leave behind.
 */
export class Workplace implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hull-bench-'));
  readonly #keeper: ChildProcess;

  constructor() {
    this.#keeper = start(
      ['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-c', KEEPER],
      join(this.folder, 'keeper.log'),
    );
  }

  /** Resolves when the namespaces can be entered. */
  async ready(): Promise<void> {
    const inside = [...this.enter, 'ip', '-brief', 'link', 'show', 'up'];
    await until('the namespaces of the peers', () =>
      spawnSync(inside[0] ?? '', inside.slice(1), { encoding: 'utf8' }).stdout.startsWith('lo'),
    );
  }

  /** The command prefix that enters the peers' namespaces. It costs about a millisecond. */
  get enter(): readonly string[] {
    return ['nsenter', `--target=${this.#keeper.pid}`, '--mount', '--net'];
  }

  /** The one image of all engines: a folder with its root filesystem, and the same as an archive. */
  busybox(): { readonly context: string; readonly archive: string } {
    const context = join(this.folder, 'busybox');
    const bin = join(context, 'root/bin');
    mkdirSync(bin, { recursive: true });
    cpSync('/bin/busybox', join(bin, 'busybox'));
    for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY root/ /\nENV PATH=/bin\nCMD ["sh"]\n');
    const archive = join(this.folder, 'busybox.tar');
    must(['tar', '-C', join(context, 'root'), '-cf', archive, '.']);
    return { context, archive };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#keeper);
    removePeerCgroups();
    // Never across a mount that something left behind.
    spawnSync('rm', ['-rf', '--one-file-system', this.folder], { stdio: 'inherit' });
    rmSync('/var/lib/cni/networks/podman', { recursive: true, force: true });
  }
}

/** crun refuses hosts where these two are left to cgroup v2 while the others are v1; the mounts go away with the namespace. */
const KEEPER = `
ip link set lo up
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  for controller in hugetlb perf_event; do
    folder=/sys/fs/cgroup/$controller
    mountpoint -q $folder || { mkdir -p $folder && mount -t cgroup -o $controller $controller $folder; }
  done
fi
exec sleep infinity`;

function removePeerCgroups(): void {
  const root = '/sys/fs/cgroup';
  for (const hierarchy of ['', ...readdirSync(root)]) {
    for (const name of [PEER_CGROUP, 'libpod_parent']) {
      spawnSync('find', [join(root, hierarchy, name), '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'], {
        stdio: 'ignore',
      });
    }
  }
  // Takes away the keeper's empty folders; what the host itself has mounted there is busy and stays.
  spawnSync('rmdir', [join(root, 'hugetlb'), join(root, 'perf_event')], { stdio: 'ignore' });
}
