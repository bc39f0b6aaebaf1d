import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ExitStatus } from '../../model/instance.ts';
import type { Started } from '../runtime.ts';
import type { NetworkLink } from '../../model/bundle-network.ts';
import { readHead } from './bounded-read.ts';
import { isRecord } from './qmp.ts';

export interface ProcessHandle {
  readonly pid: number;
  readonly startTime: number;
}

/** What a later daemon needs to find a VM again: `vm.json` in the run folder, which dies with the host's power, as the VM does. */
export interface VmRecord {
  readonly format: 1;
  readonly layout: 'layered' | 'machine';
  readonly accelerator: 'kvm' | 'tcg';
  readonly qemu: ProcessHandle;
  readonly helpers: readonly ProcessHandle[];
  /** One of the helpers: it ends after QEMU, when all that the VM said is in its files. Absent: of an older engine's VM. */
  readonly recorder?: ProcessHandle;
  /** Share folders below the run folder, with the mounts in them. */
  readonly shares: readonly { readonly folder: string; readonly mounts: readonly string[] }[];
  readonly network: { readonly namespace: string; readonly links: readonly NetworkLink[] } | null;
  readonly memoryBytes: number;
  readonly started: Started | null;
}

/** The files of one run. */
export const runFiles = {
  record: (runDir: string) => `${runDir}/vm.json`,
  agent: (runDir: string) => `${runDir}/agent.sock`,
  monitor: (runDir: string) => `${runDir}/qmp.sock`,
  console: (runDir: string) => `${runDir}/console`,
  earlierConsole: (runDir: string) => `${runDir}/console.1`,
  consoleSocket: (runDir: string) => `${runDir}/console.sock`,
  exit: (runDir: string) => `${runDir}/exit`,
  logPipe: (runDir: string) => `${runDir}/log.pipe`,
  exitPipe: (runDir: string) => `${runDir}/exit.pipe`,
  consolePipe: (runDir: string) => `${runDir}/console.pipe`,
  errorsPipe: (runDir: string) => `${runDir}/qemu.pipe`,
  errors: (runDir: string) => `${runDir}/qemu.log`,
  earlierErrors: (runDir: string) => `${runDir}/qemu.log.1`,
  /** Of all virtiofsd of a VM. */
  sharesPipe: (runDir: string) => `${runDir}/shares.pipe`,
  shares: (runDir: string) => `${runDir}/shares.log`,
  earlierShares: (runDir: string) => `${runDir}/shares.log.1`,
} as const;

export function writeRecord(runDir: string, record: VmRecord): void {
  const path = runFiles.record(runDir);
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Null when the run folder holds none. The file is the engine's own: it is believed. */
export function readRecord(runDir: string): VmRecord | null {
  const path = runFiles.record(runDir);
  if (!existsSync(path)) return null;
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return isRecord(value) && value['format'] === 1 ? (value as unknown as VmRecord) : null;
}

/** The guest's exit record: one JSON line that the guest wrote, so nothing in it is believed beyond its type. Null when there is none (yet). */
export function parseExitRecord(text: string, now: number): ExitStatus | null {
  const end = text.indexOf('\n');
  if (end < 0 || end > 1024) return null;
  const value = parseJson(text.slice(0, end));
  if (!isRecord(value) || typeof value['code'] !== 'number') return null;
  const finished = value['finishedAt'];
  return {
    code: Math.trunc(value['code']) & 0xff,
    oomKilled: value['oomKilled'] === true,
    finishedAt: typeof finished === 'number' && finished > 0 && finished <= now ? Math.trunc(finished) : now,
  };
}

export function readExitRecord(runDir: string): ExitStatus | null {
  const path = runFiles.exit(runDir);
  return existsSync(path) ? parseExitRecord(readHead(path, 4096), Date.now()) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
