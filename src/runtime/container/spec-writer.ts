import { closeSync, constants, fstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { ProcessSpec } from '../../model/instance.ts';
import type { Bundle } from '../runtime.ts';
import { ALL_CAPABILITIES, resolveCapabilities } from '../capabilities.ts';
import { runFiles } from './conmon.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { FilterStore } from './filter-store.ts';
import { blockIo, hostDevices, mappedDevices } from './host-devices.ts';
import { HostFacts } from './host-facts.ts';
import { checkedPropagation } from './propagation.ts';
import { type OciSeccomp, parseSeccompProfile } from './seccomp.ts';
import { readSecurity, type SecurityOptions } from '../security-options.ts';
import { buildProcess, buildSpec, type SpecFacts } from './spec.ts';
import { type ResolvedUser, resolveGroups, resolveUser } from './user.ts';

/** What the driver knows of a container. */
export type ConfigFacts = Pick<SpecFacts, 'cgroupPath' | 'swapLimit' | 'joined' | 'sharedMemory'>;

/** crun takes a compiled filter from here, and compiles none itself: 21 ms saved. */
const COMPILED_FILTER = 'run.oci.seccomp_bpf_data';
/** An account file that is larger than this is not read: it would be the instance's way to fill our memory. */
const MAX_ACCOUNT_FILE = 4 << 20;

/** Writes the OCI configuration of containers and execs, from the bundle and from what the host and the container's own files say. */
export class SpecWriter {
  readonly #host: Host;
  readonly #facts = new HostFacts();
  readonly #filters: FilterStore;

  constructor(host: Host, runDir: string) {
    this.#host = host;
    this.#filters = new FilterStore(`${runDir}/seccomp`);
  }

  /** Writes `config.json`. Returns what to do when the container exists: it learns the compiled filter. */
  writeConfig(bundle: Bundle, host: ConfigFacts, runtime: OciRuntime): () => void {
    const rootPath = mountedRoot(bundle);
    const capabilities = resolveCapabilities(bundle, this.#facts.capabilities());
    const security = readSecurity(bundle.options.securityOpt);
    const seccomp = this.#seccomp(bundle, security, capabilities);
    const spec = buildSpec(bundle, {
      ...host,
      rootPath,
      user: this.#user(rootPath, bundle.process.user, bundle.options.groupAdd),
      capabilities,
      seccomp,
      noNewPrivileges: security.noNewPrivileges,
      appArmor: this.#appArmor(security),
      maxOpenFiles: this.#facts.maxOpenFiles(),
      // Docker's rule: where process 1 is another instance's, or the host's, that one reaps.
      initProgram: bundle.init && ownPid(bundle) ? this.#initProgram() : null,
      hostDevices: bundle.privileged ? hostDevices() : [],
      devices: (bundle.options.devices ?? []).flatMap(mappedDevices),
      blockIo: blockIo(bundle.resources),
      recursiveReadOnly: this.#facts.recursiveReadOnly() && runtime.recursiveReadOnly,
      files: new Set(bundle.mounts.map(({ source }) => source).filter(isNoFolder)),
      propagation: checkedPropagation(bundle.mounts),
    });
    const isDefault = security.seccomp === undefined;
    const filter =
      seccomp === null || !runtime.keepsCompiledFilter ? null : this.#filters.find(seccomp, { isDefault });
    const compiled = filter?.data ?? null;
    const annotations =
      compiled === null ? {} : { annotations: { ...spec.annotations, [COMPILED_FILTER]: compiled } };
    const text = JSON.stringify({ ...spec, ...annotations }, wholeNumbers);
    writeFileSync(`${bundle.runDir}/${runFiles.config}`, text, { mode: 0o600 });
    if (filter === null || compiled !== null) return () => undefined;
    return () => this.#filters.learn(filter.key, `${runtime.root}/${bundle.id}/seccomp.bpf`);
  }

  /** Writes `process.json` of an exec into `folder`. */
  writeProcess(bundle: Bundle, process: ProcessSpec, privileged: boolean, folder: string): void {
    const held = this.#facts.capabilities();
    const capabilities = privileged
      ? ALL_CAPABILITIES.filter((name) => held.has(name))
      : resolveCapabilities(bundle, held);
    const security = readSecurity(bundle.options.securityOpt);
    const spec = buildProcess(bundle, process, {
      user: this.#user(mountedRoot(bundle), process.user, bundle.options.groupAdd),
      capabilities,
      maxOpenFiles: this.#facts.maxOpenFiles(),
      noNewPrivileges: security.noNewPrivileges,
      appArmor: this.#appArmor(security),
    });
    writeFileSync(`${folder}/${runFiles.process}`, JSON.stringify(spec, wholeNumbers), { mode: 0o600 });
  }

  #appArmor({ appArmor }: SecurityOptions): string | null {
    return this.#facts.modules().appArmor ? (appArmor ?? null) : null;
  }

  /** The default filter; none for the privileged; the user's own where there is one. */
  #seccomp(bundle: Bundle, { seccomp }: SecurityOptions, capabilities: readonly string[]): OciSeccomp | null {
    if (seccomp === null) return null;
    if (seccomp !== undefined) return this.#facts.resolve(parseSeccompProfile(seccomp), capabilities);
    return bundle.privileged ? null : this.#facts.seccomp(capabilities);
  }

  #user(root: string, text: string, groupAdd: readonly string[] = []): ResolvedUser {
    const files = { passwd: this.#read(root, '/etc/passwd'), group: this.#read(root, '/etc/group') };
    const user = resolveUser(text, files);
    return groupAdd.length === 0
      ? user
      : { ...user, groups: [...user.groups, ...resolveGroups(groupAdd, files)] };
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
}

/** Where the process 1 of a container is its own. */
function ownPid({ options }: Bundle): boolean {
  return options.pidMode === undefined || options.pidMode === 'private';
}

/** Numbers that need all 64 bits, by a part of ECMAScript that the compiler does not know yet. */
function wholeNumbers(_: string, value: unknown): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
  return typeof value === 'bigint' ? rawJSON(String(value)) : value;
}

function readSmallFile(descriptor: number): string {
  const facts = fstatSync(descriptor);
  return facts.isFile() && facts.size <= MAX_ACCOUNT_FILE ? readFileSync(descriptor, 'utf8') : '';
}

/** The mounted root of a container; other kinds of root are for other runtimes. */
function mountedRoot(bundle: Bundle): string {
  if (bundle.root.kind === 'mounts') return bundle.root.path;
  throw new HullError(
    'internal',
    `instance ${bundle.id.slice(0, 12)} has a ${bundle.root.kind} root, which no container can have`,
  );
}

/** A source that is gone is the runtime's to refuse. */
function isNoFolder(path: string): boolean {
  return path !== '' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}
