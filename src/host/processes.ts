import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Processes, ProcessInfo } from './host.ts';
import { unblockTerminals } from './terminal-master.ts';

const KIBIBYTE = 1024;

/** Processes by /proc. */
export class LinuxProcesses implements Processes {
  alive(pid: number): boolean {
    const stat = readStat(pid);
    return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
  }

  kill(pid: number, signal: number): boolean {
    if (!Number.isInteger(pid) || pid <= 1) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  }

  info(pid: number): ProcessInfo | null {
    const stat = readStat(pid);
    if (stat === null) return null;
    const memory = readOrEmpty(`/proc/${pid}/smaps_rollup`);
    const command = this.command(pid);
    return {
      pid,
      parent: stat.parent,
      pss: kilobytes(memory, 'Pss'),
      rss: kilobytes(memory, 'Rss'),
      command: command.length > 0 ? command : [stat.name],
      startTime: stat.startTime,
    };
  }

  command(pid: number): readonly string[] {
    return readOrEmpty(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
  }

  startTime(pid: number): number {
    return readStat(pid)?.startTime ?? 0;
  }

  same(pid: number, startTime: number): boolean {
    const stat = readStat(pid);
    return stat !== null && stat.startTime === startTime && stat.state !== 'Z';
  }

  list(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  unblockTerminals(pid: number): number {
    return unblockTerminals(pid);
  }

  async gone(pid: number, signal?: AbortSignal): Promise<void> {
    const startTime = readStat(pid)?.startTime;
    let pause = 2;
    while (startTime !== undefined && this.same(pid, startTime)) {
      await sleep(pause, undefined, signal === undefined ? {} : { signal });
      pause = Math.min(pause * 1.5, 200);
    }
  }
}

interface Stat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly startTime: number;
}

/** Parses /proc/PID/stat (proc(5)): the name may hold blanks and parentheses. */
export function parseStat(text: string): Stat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(' ');
  return {
    name: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parent: Number(fields[1] ?? 0),
    startTime: Number(fields[19] ?? 0),
  };
}

function readStat(pid: number): Stat | null {
  return parseStat(readOrEmpty(`/proc/${pid}/stat`));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function kilobytes(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
  return match === null ? 0 : Number(match[1]) * KIBIBYTE;
}
