import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createHost } from '../../src/host/index.ts';
import { Cgroups } from '../../src/host/cgroup.ts';
import type { Host } from '../../src/host/host.ts';
import { type EngineIdentity, names } from '../../src/model/engine-identity.ts';
import type { Bundle, OutputChunk, Stdio } from '../../src/runtime/runtime.ts';
import type { BundleNetwork } from '../../src/model/bundle-network.ts';
import { defaultPrograms, VmRuntime } from '../../src/runtime/vm/vm-runtime.ts';
import { testIdentity } from '../support/identity.ts';

const APPLETS = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'true',
  'id',
  'env',
  'hostname',
  'ping',
  'nc',
  'stty',
  'kill',
  'dd',
  'head',
  'wc',
  'ls',
  'touch',
  'ps',
  'mount',
  'yes',
  'pwd',
  'tty',
  'seq',
  'mkdir',
  'mknod',
  'sed',
  'unshare',
  'date',
];

/** A program for the guest: busybox has nothing that answers UDP. */
const UDP_ECHO = `
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int count, char **words) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(count > 1 ? atoi(words[1]) : 0)}, from;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  char data[2000];
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) return 1;
  for (;;) {
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &size);
    if (length > 0) sendto(fd, data, length, 0, (struct sockaddr *)&from, size);
  }
}
`;

/** The kernel that `npm run setup` unpacks beside the project, where a fresh data folder finds it; HULL_GUEST_KERNEL names another. */
export function guestKernel(dataDir: string): { kernel?: string } {
  const named = process.env['HULL_GUEST_KERNEL'];
  if (named !== undefined) return { kernel: named };
  symlinkSync(fileURLToPath(new URL('../../.cache/kernels', import.meta.url)), `${dataDir}/kernels`);
  return {};
}

/** An engine's folders, a busybox disk made by hand, and a network namespace joined to another by a veth: all that a VM needs. */
export class VmFixture {
  readonly host: Host;
  readonly folder: string;
  readonly identity: EngineIdentity;
  readonly id = randomBytes(32).toString('hex');
  runtime: VmRuntime;
  readonly kernel: { kernel?: string };
  #namespaces: string[] = [];

  private constructor(host: Host, folder: string) {
    this.host = host;
    this.folder = folder;
    this.identity = testIdentity(folder);
    mkdirSync(this.identity.dataDir);
    this.kernel = guestKernel(this.identity.dataDir);
    this.runtime = this.#makeRuntime();
  }

  static async create(): Promise<VmFixture> {
    const folder = mkdtempSync('/tmp/hull-vm-');
    writeFileSync(`${folder}/hosts`, '127.0.0.1 localhost\n');
    writeFileSync(`${folder}/hostname`, 'box\n');
    writeFileSync(`${folder}/resolv.conf`, 'nameserver 10.77.0.1\n');
    const fixture = new VmFixture(createHost(), folder);
    mkdirSync(`${folder}/run/${fixture.id}`, { recursive: true });
    await fixture.#makeDisks();
    return fixture;
  }

  #makeRuntime(): VmRuntime {
    const programs = defaultPrograms(process.execPath);
    return new VmRuntime(this.host, this.identity, { ...programs, accelerator: 'tcg', ...this.kernel });
  }

  /** As a daemon that has just started has it, after the one before died. */
  newRuntime(): VmRuntime {
    this.runtime.disconnect();
    this.runtime = this.#makeRuntime();
    return this.runtime;
  }

  async #makeDisks(): Promise<void> {
    const root = `${this.folder}/root`;
    for (const name of ['bin', 'etc', 'tmp', 'home/bob']) mkdirSync(`${root}/${name}`, { recursive: true });
    await this.host.exec.must(['cp', '/bin/busybox', `${root}/bin/busybox`]);
    for (const name of APPLETS) symlinkSync('busybox', `${root}/bin/${name}`);
    writeFileSync(`${this.folder}/udp-echo.c`, UDP_ECHO);
    await this.host.exec.must([
      'gcc',
      '-static',
      '-Os',
      '-o',
      `${root}/bin/udp-echo`,
      `${this.folder}/udp-echo.c`,
    ]);
    writeFileSync(`${root}/bin/not-executable`, 'text', { mode: 0o644 });
    writeFileSync(
      `${root}/etc/passwd`,
      'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n',
    );
    writeFileSync(`${root}/etc/group`, 'root:x:0:\nbobs:x:1001:\nextra:x:2000:bob\n');
    await this.host.exec.must(['mkfs.erofs', '--quiet', `${this.folder}/image.erofs`, root]);
    await this.host.exec.must(['truncate', '-s', '256M', `${this.folder}/scratch.raw`]);
    await this.host.exec.must(['mkfs.ext4', '-q', '-F', `${this.folder}/scratch.raw`]);
    await this.newScratch();
  }

  /** A fresh writable disk. */
  async newScratch(): Promise<void> {
    await this.host.exec.must([
      'qemu-img',
      'convert',
      '-O',
      'qcow2',
      `${this.folder}/scratch.raw`,
      `${this.folder}/scratch.qcow2`,
    ]);
  }

  /** Two namespaces joined by a veth: the instance's (with `eth0`) and a peer's. */
  async network(): Promise<{ network: BundleNetwork; enterPeer: readonly string[] }> {
    const own = `${this.folder}/net-own`;
    const peer = `${this.folder}/net-peer`;
    for (const path of [own, peer]) {
      this.host.namespaces.createNet(path);
      this.#namespaces.push(path);
    }
    const enterOwn = this.host.namespaces.enterNet(own);
    const enterPeer = this.host.namespaces.enterNet(peer);
    // The peer's end is moved by the pid of a process that waits inside its namespace.
    const holder = this.host.exec.spawn([...enterPeer, 'sleep', '60']);
    await Bun.sleep(50);
    const mac = '02:42:0a:00:00:02';
    const own_steps = [
      `link add eth0 address ${mac} type veth peer name peer0 netns ${holder.pid}`,
      'link set lo up',
      'addr add 10.77.0.2/24 broadcast + dev eth0',
      'link set eth0 up',
      'route add default via 10.77.0.1',
    ];
    await this.host.exec.must([...enterOwn, 'ip', '-batch', '-'], { input: own_steps.join('\n') });
    await this.host.exec.must([...enterPeer, 'ip', '-batch', '-'], {
      input: 'link set lo up\naddr add 10.77.0.1/24 dev peer0\nlink set peer0 up\n',
    });
    holder.kill('SIGKILL');
    await holder.exited;
    const link = {
      name: 'eth0',
      macAddress: mac,
      address: '10.77.0.2',
      prefixLength: 24,
      gateway: '10.77.0.1',
      ipv6: null,
      mtu: 1500,
    };
    return { network: { mode: 'bridge', namespace: own, links: [link] }, enterPeer };
  }

  bundle(args: readonly string[], changes: Partial<Bundle> = {}): Bundle {
    const { folder } = this;
    const empty = `${folder}/net-none`;
    if (changes.network === undefined && !this.#namespaces.includes(empty)) {
      this.host.namespaces.createNet(empty);
      this.#namespaces.push(empty);
    }
    return {
      id: this.id,
      name: 'test',
      hostname: 'box',
      domainname: '',
      process: { args, env: ['PATH=/bin', 'COLOUR=red'], cwd: '/', user: '', tty: false },
      openStdin: false,
      stdinOnce: false,
      root: {
        kind: 'block',
        root: {
          layout: 'layered',
          image: { path: `${folder}/image.erofs`, format: 'raw', readOnly: true, serial: 'image' },
          scratch: { path: `${folder}/scratch.qcow2`, format: 'qcow2', readOnly: false, serial: 'scratch' },
        },
      },
      mounts: [],
      files: {
        hosts: `${folder}/hosts`,
        hostname: `${folder}/hostname`,
        resolvConf: `${folder}/resolv.conf`,
      },
      network: { mode: 'none', namespace: empty, links: [] },
      resources: {},
      readOnlyRoot: false,
      init: false,
      privileged: false,
      capAdd: [],
      capDrop: [],
      options: {},
      runDir: `${folder}/run/${this.id}`,
      log: { path: `${folder}/run/log`, hardLimit: 1 << 20 },
      ...changes,
    };
  }

  /** Creates, attaches, starts. */
  async run(bundle: Bundle): Promise<{ runtime: VmRuntime; stdio: Stdio }> {
    const { runtime } = this;
    await runtime.create(bundle);
    const stdio = await runtime.attach(bundle.id);
    await runtime.start(bundle.id);
    return { runtime, stdio };
  }

  /** Runs a command in the running VM, to its end. */
  async exec(
    args: readonly string[],
    options: { user?: string; tty?: boolean; cwd?: string } = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { user = '', tty = false, cwd = '/' } = options;
    const process = { args, env: ['PATH=/bin'], cwd, user, tty };
    const session = await this.runtime.exec(this.id, { process, openStdin: false, privileged: false });
    const output = await collect(session.stdio.output);
    return { code: await session.exited, ...output };
  }

  async remove(): Promise<void> {
    await this.runtime.delete(this.id);
    new Cgroups(this.host, this.identity).group(names.cgroupParent(this.identity)).remove();
    for (const path of this.#namespaces) await this.host.namespaces.removeNet(path);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Everything that comes, until the end. */
export async function collect(
  output: AsyncIterable<OutputChunk>,
): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for await (const chunk of output) text[chunk.stream] += Buffer.from(chunk.data).toString();
  return text;
}

/** Reads until `wanted` has been seen. */
export async function readUntil(stdio: Stdio, wanted: string): Promise<string> {
  let text = '';
  for await (const chunk of stdio.output) {
    text += Buffer.from(chunk.data).toString();
    if (text.includes(wanted)) return text;
  }
  throw new Error(`the output ended without ${JSON.stringify(wanted)}: ${text}`);
}
