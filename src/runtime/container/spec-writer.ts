import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import type { Host } from '../../host/host.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { ProcessSpec } from '../../model/instance.ts';
import type { Bundle } from '../runtime.ts';
import { ALL_CAPABILITIES, resolveCapabilities } from '../capabilities.ts';
import { type OciRuntime, runFiles } from './conmon.ts';
import { HostFacts, hostDevices } from './host-facts.ts';
import type { OciSeccomp } from './seccomp.ts';
import { buildProcess, buildSpec } from './spec.ts';
import { type ResolvedUser, resolveUser } from './user.ts';

/** crun takes a compiled filter from here, and compiles none itself: 21 ms saved. It leaves the filter in its own state, where we learn it. */
const COMPILED_FILTER = 'run.oci.seccomp_bpf_data';
/** An account file that is larger than this is not read: it would be the instance's way to fill our memory. */
const MAX_ACCOUNT_FILE = 4 << 20;

/** Writes the OCI configuration of containers and execs, from the bundle and from what the host and the container's own files say. */
export class SpecWriter {
  readonly #host: Host;
  readonly #facts = new HostFacts();
  /** Folder of compiled seccomp filters. */
  readonly #filters: string;
  readonly #known = new Map<string, string>();

  constructor(host: Host, runDir: string) {
    this.#host = host;
    this.#filters = `${runDir}/seccomp`;
  }

  /** Writes `config.json`. Returns what to do when the container exists: it learns the compiled filter. */
  writeConfig(bundle: Bundle, cgroupPath: string, swapLimit: boolean, runtime: OciRuntime): () => void {
    if (runtime.kind === 'runsc' && bundle.network.mode === 'host') {
      throw new HullError(
        'not-supported',
        "a sandbox has a network stack of its own and cannot use the host's; choose another network",
      );
    }
    const rootPath = mountedRoot(bundle);
    const capabilities = resolveCapabilities(bundle, this.#facts.capabilities());
    const seccomp = bundle.privileged ? null : this.#facts.seccomp(capabilities);
    const spec = buildSpec(bundle, {
      rootPath,
      cgroupPath,
      user: this.#user(rootPath, bundle.process.user),
      capabilities,
      seccomp,
      maxOpenFiles: this.#facts.maxOpenFiles(),
      initProgram: bundle.init ? this.#initProgram() : null,
      hostDevices: bundle.privileged ? hostDevices() : [],
      swapLimit,
    });
    const filter = seccomp === null || runtime.kind !== 'crun' ? null : this.#filter(seccomp);
    const compiled = filter?.data ?? null;
    const annotations = compiled === null ? {} : { annotations: { [COMPILED_FILTER]: compiled } };
    writeFileSync(`${bundle.runDir}/${runFiles.config}`, JSON.stringify({ ...spec, ...annotations }), {
      mode: 0o600,
    });
    if (filter === null || compiled !== null) return () => undefined;
    return () => this.#learn(filter.key, `${runtime.root}/${bundle.id}/seccomp.bpf`);
  }

  /** Writes `process.json` of an exec into `folder`. */
  writeProcess(bundle: Bundle, process: ProcessSpec, privileged: boolean, folder: string): void {
    const held = this.#facts.capabilities();
    const capabilities = privileged
      ? ALL_CAPABILITIES.filter((name) => held.has(name))
      : resolveCapabilities(bundle, held);
    const user = this.#user(mountedRoot(bundle), process.user);
    const spec = buildProcess(process, { user, capabilities, maxOpenFiles: this.#facts.maxOpenFiles() });
    writeFileSync(`${folder}/${runFiles.process}`, JSON.stringify(spec), { mode: 0o600 });
  }

  #user(root: string, text: string): ResolvedUser {
    return resolveUser(text, {
      passwd: this.#read(root, '/etc/passwd'),
      group: this.#read(root, '/etc/group'),
    });
  }

  /** A file of the container's, found without ever leaving its root; empty when absent or no regular file of sane size. */
  #read(root: string, path: string): string {
    let descriptor: number;
    try {
      descriptor = this.#host.files.openInRoot(
        root,
        path,
        constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      );
    } catch (error) {
      if (isHullError(error, 'path-not-found')) return '';
      throw error;
    }
    try {
      return readSmallFile(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #initProgram(): string {
    const program = this.#facts.initProgram();
    if (program !== null) return program;
    throw new HullError(
      'host-tool-missing',
      'no init program for --init is installed on this host; install it with: apt-get install tini',
    );
  }

  #filter(seccomp: OciSeccomp): { key: string; data: string | null } {
    const key = createHash('sha256').update(JSON.stringify(seccomp)).digest('hex').slice(0, 32);
    const path = `${this.#filters}/${key}`;
    if (!this.#known.has(key) && existsSync(path))
      this.#known.set(key, readFileSync(path).toString('base64'));
    return { key, data: this.#known.get(key) ?? null };
  }

  #learn(key: string, source: string): void {
    if (!existsSync(source)) return;
    const filter = readFileSync(source);
    // struct sock_filter has eight bytes.
    if (filter.length === 0 || filter.length % 8 !== 0) return;
    mkdirSync(this.#filters, { recursive: true, mode: 0o700 });
    const path = `${this.#filters}/${key}`;
    writeFileSync(`${path}.tmp`, filter, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
    this.#known.set(key, filter.toString('base64'));
  }
}

function readSmallFile(descriptor: number): string {
  const facts = fstatSync(descriptor);
  return facts.isFile() && facts.size <= MAX_ACCOUNT_FILE ? readFileSync(descriptor, 'utf8') : '';
}

/** The mounted root of a container; other kinds of root are for other runtimes. */
export function mountedRoot(bundle: Bundle): string {
  if (bundle.root.kind === 'mounts') return bundle.root.path;
  throw new HullError(
    'internal',
    `instance ${bundle.id.slice(0, 12)} has a ${bundle.root.kind} root, which no container can have`,
  );
}
