import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isHullError } from '../model/errors.ts';
import type { Bundle, ExecSpec, Runtime, Started, Stdio } from './runtime.ts';

/** What a suite run needs from its caller. */
export interface RuntimeUnderTest {
  /** A runtime object as a fresh daemon would make it; all of them share one world. */
  readonly open: () => Runtime;
  /** A bundle's root filesystem: busybox as /bin/*, users root and alice (1000, home /home/alice). */
  readonly root: () => Promise<Bundle['root']>;
  /** The network for bundles. */
  readonly network: () => Promise<Bundle['network']>;
  /** Short: sockets live below it. */
  readonly runDir: string;
  /** Undoes what the above made. */
  readonly close: () => Promise<void>;
}

type ProcessOptions = Partial<Bundle['process']> & {
  openStdin?: boolean;
  stdinOnce?: boolean;
  init?: boolean;
};

/** Makes runs and cleans up after them. */
export class Bench {
  readonly #subject: RuntimeUnderTest;
  readonly #folder = mkdtempSync(`${tmpdir()}/conform-`);
  readonly #bundles: Bundle[] = [];
  runtime: Runtime;

  constructor(subject: RuntimeUnderTest) {
    this.#subject = subject;
    this.runtime = subject.open();
  }

  /** The daemon is gone, another one begins. */
  reopen(): Runtime {
    this.runtime = this.#subject.open();
    return this.runtime;
  }

  folder(name: string): string {
    mkdirSync(`${this.#folder}/${name}`, { recursive: true });
    return `${this.#folder}/${name}`;
  }

  async bundle(
    args: readonly string[],
    process: ProcessOptions = {},
    more: Partial<Bundle> = {},
  ): Promise<Bundle> {
    const id = randomBytes(32).toString('hex');
    const { openStdin = false, stdinOnce = false, init = false, ...spec } = process;
    const runDir = `${this.#subject.runDir}/${id.slice(0, 12)}`;
    mkdirSync(runDir, { recursive: true });
    const files = this.folder(id.slice(0, 12));
    for (const name of ['hosts', 'hostname', 'resolvConf']) writeFileSync(`${files}/${name}`, '');
    const bundle: Bundle = {
      id,
      name: 'conform',
      hostname: 'conform',
      domainname: '',
      process: { args, env: ['PATH=/bin'], cwd: '/', user: '', tty: false, ...spec },
      openStdin,
      stdinOnce,
      root: await this.#subject.root(),
      mounts: [],
      files: { hosts: `${files}/hosts`, hostname: `${files}/hostname`, resolvConf: `${files}/resolvConf` },
      network: await this.#subject.network(),
      resources: {},
      readOnlyRoot: false,
      init,
      privileged: false,
      capAdd: [],
      capDrop: [],
      options: {},
      runDir,
      log: { path: `${files}/log`, hardLimit: 10_000_000 },
      ...more,
    };
    this.#bundles.push(bundle);
    return bundle;
  }

  exec(args: readonly string[]): ExecSpec {
    return {
      process: { args, env: ['PATH=/bin'], cwd: '/', user: '', tty: false },
      openStdin: false,
      privileged: false,
    };
  }

  async created(args: readonly string[], process: ProcessOptions = {}, more: Partial<Bundle> = {}) {
    const { runtime } = this;
    const bundle = await this.bundle(args, process, more);
    await runtime.create(bundle);
    return { runtime, bundle, stdio: await runtime.attach(bundle.id) };
  }

  async started(args: readonly string[], process: ProcessOptions = {}, more: Partial<Bundle> = {}) {
    const { runtime } = this;
    const bundle = await this.bundle(args, process, more);
    return { runtime, bundle, started: await createAndStart(runtime, bundle) };
  }

  async run(args: readonly string[], process: ProcessOptions = {}, more: Partial<Bundle> = {}) {
    const { runtime, bundle, stdio } = await this.created(args, process, more);
    await runtime.start(bundle.id);
    const chunks: { stream: string; data: Uint8Array }[] = [];
    for await (const chunk of stdio.output) chunks.push(chunk);
    const exit = await runtime.wait(bundle.id);
    return { ...exit, runtime, bundle, chunks, output: text(Buffer.concat(chunks.map(({ data }) => data))) };
  }

  /** What is left on the host of one instance. */
  async leftovers(id: string): Promise<string[]> {
    const found = await this.runtime.inventory();
    return found
      .filter(({ owner }) => owner !== null && id.startsWith(owner))
      .map(({ kind, what }) => `${kind} ${what}`);
  }

  async close(): Promise<void> {
    for (const bundle of this.#bundles) {
      await this.runtime.adopt(bundle);
      await this.runtime.delete(bundle.id);
      rmSync(bundle.runDir, { recursive: true, force: true });
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function createAndStart(runtime: Runtime, bundle: Bundle): Promise<Started> {
  await runtime.create(bundle);
  return await runtime.start(bundle.id);
}

export async function collect(stdio: Stdio): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const { data } of stdio.output) chunks.push(data);
  return chunks;
}

export async function readAll(stdio: Stdio): Promise<string> {
  return text(Buffer.concat(await collect(stdio)));
}

export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return 'it succeeded';
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  const failure = await failureOf(work);
  return isHullError(failure) ? failure.code : String(failure);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export const bytes = (value: string) => new TextEncoder().encode(value);
export const text = (value: Uint8Array) => new TextDecoder().decode(value);
