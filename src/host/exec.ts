import { spawn as spawnChild } from 'node:child_process';
import { accessSync, constants as fsConstants, statSync } from 'node:fs';
import { constants } from 'node:os';
import { HullError, messageOf } from '../model/errors.ts';
import type { Child, Exec, RunOptions, RunResult, SpawnOptions } from './host.ts';
import { SealedPrograms } from './sealed-programs.ts';
import { DEFAULT_PATH } from '../model/default-path.ts';

const DEFAULT_TIMEOUT = 60_000;

/** Which Debian package holds a program that the engine may miss. */
const PACKAGES: Readonly<Record<string, string>> = {
  crun: 'crun',
  runc: 'runc',
  runsc: 'runsc',
  conmon: 'conmon',
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  mmdebstrap: 'mmdebstrap',
  'mkfs.erofs': 'erofs-utils',
  nft: 'nftables',
  ip: 'iproute2',
  tc: 'iproute2',
  'mkfs.ext4': 'e2fsprogs',
  ps: 'procps',
};

/** Starts processes with a clean environment and absolute program paths. */
export class LinuxExec implements Exec {
  readonly #found = new Map<string, string>();
  #sealed: SealedPrograms | null = null;

  async run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    options.signal?.throwIfAborted();
    const child = Bun.spawn([...this.#resolve(command)], {
      env: environment(options.env),
      stdin: options.input === undefined ? 'ignore' : toBytes(options.input),
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: options.timeout ?? DEFAULT_TIMEOUT,
      killSignal: 'SIGKILL',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    options.signal?.throwIfAborted();
    return { code: statusOf(child.exitCode, child.signalCode as NodeJS.Signals | null), stdout, stderr };
  }

  async must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(command, options);
    if (result.code === 0) return result.stdout;
    const said = result.stderr.trim() || result.stdout.trim() || 'it printed nothing';
    throw new HullError(
      'command-failed',
      `${command[0]} ended with status ${result.code}: ${said.slice(-2000)}`,
      {
        details: { command: command.join(' ').slice(0, 2000), exitCode: result.code },
      },
    );
  }

  spawn(command: readonly string[], options: SpawnOptions = {}): Child {
    const [program = '', ...args] = this.#resolve(command);
    const child = spawnChild(program, args, {
      env: environment(options.env),
      detached: options.detached ?? false,
      stdio: [
        options.stdin ?? 'ignore',
        options.stdout ?? 'ignore',
        options.stderr ?? 'ignore',
        ...(options.extraFds ?? []),
      ],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (options.detached === true) child.unref();
    const exited = new Promise<number>((resolve) => {
      child.on('error', () => resolve(127));
      child.on('exit', (code, signal) => resolve(statusOf(code, signal)));
    });
    return {
      pid: child.pid ?? 0,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      kill: (signal) => void child.kill(signal),
    };
  }

  which(program: string): string | null {
    const known = this.#found.get(program);
    if (known !== undefined) return known;
    const candidates = program.includes('/')
      ? [program]
      : DEFAULT_PATH.split(':').map((folder) => `${folder}/${program}`);
    const path = candidates.find(isExecutable) ?? null;
    if (path !== null) this.#found.set(program, path);
    return path;
  }

  sealed(program: string): string {
    this.#sealed ??= new SealedPrograms();
    return this.#sealed.path(program);
  }

  #resolve(command: readonly string[]): readonly string[] {
    const [program, ...args] = command;
    if (program === undefined) throw new HullError('internal', 'an empty command was to be run');
    const path = this.which(program);
    if (path !== null) return [path, ...args];
    const name = PACKAGES[program];
    const advice = name === undefined ? '' : `; install it with: apt-get install ${name}`;
    throw new HullError('host-tool-missing', `the program ${program} is not installed on this host${advice}`);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, fsConstants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function environment(given: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return { ...(given ?? { PATH: DEFAULT_PATH, HOME: '/root', LANG: 'C.UTF-8' }) };
}

function toBytes(input: string | Uint8Array): Uint8Array {
  return typeof input === 'string' ? new TextEncoder().encode(input) : input;
}

function statusOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
}

/** Does this error say that the disk is full? Any tool's message or errno. */
export function isNoSpace(error: unknown): boolean {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return true;
  return /no space left on device|disk quota exceeded|ENOSPC/i.test(messageOf(error));
}
