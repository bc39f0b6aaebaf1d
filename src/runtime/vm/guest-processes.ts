import { HullError } from '../../model/errors.ts';
import type { ProcessTable } from '../runtime.ts';
import { printable } from './printable.ts';
import { trimEndOf } from '../../lib/trim-end.ts';

/** One process as the agent reports it: the fields of /proc/PID/stat (proc(5)), uid and command line. Guest data: believed only as text. */
export interface GuestProcess {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly state: string;
  readonly session: number;
  readonly terminal: number;
  readonly uid: number;
  /** Seconds. */
  readonly cpu: number;
  readonly threads: number;
  /** Seconds after the guest's boot. */
  readonly started: number;
  /** Bytes. */
  readonly virtual: number;
  readonly resident: number;
  readonly command: string;
}

const TICKS = 100;
const PAGE = 4096;

/** Reads `{u32 length, stat line, 0, uid, 0, command line}` records; what is malformed is left out. */
export function parseProcesses(records: readonly Uint8Array[]): GuestProcess[] {
  return records.map(parseProcess).filter((process) => process !== null);
}

function parseProcess(record: Uint8Array): GuestProcess | null {
  const text = Buffer.from(record.subarray(4)).toString('latin1');
  const first = text.indexOf('\0');
  const second = text.indexOf('\0', first + 1);
  const open = text.indexOf('(');
  const close = text.slice(0, Math.max(0, first)).lastIndexOf(')');
  if (first < 0 || second < 0 || open < 1 || close < open) return null;
  const fields = text
    .slice(close + 2, first)
    .trim()
    .split(' ');
  const number = (index: number): number => {
    const value = Number(fields[index]);
    return Number.isSafeInteger(value) ? value : 0;
  };
  const name = printable(text.slice(open + 1, close));
  const command = printable(
    trimEndOf(Buffer.from(text.slice(second + 1), 'latin1').toString('utf8'), '\0').replaceAll('\0', ' '),
  );
  return {
    pid: Number.parseInt(text, 10) || 0,
    parent: number(1),
    name,
    state: fields[0]?.slice(0, 1) ?? '?',
    session: number(3),
    terminal: number(4),
    uid: Number.parseInt(text.slice(first + 1, second), 10) || 0,
    cpu: (number(11) + number(12)) / TICKS,
    threads: number(17),
    started: number(19) / TICKS,
    virtual: number(20),
    resident: number(21) * PAGE,
    command: command === '' ? `[${name}]` : command,
  };
}

interface Column {
  readonly title: string;
  readonly value: (
    process: GuestProcess,
    all: { readonly memory: number; readonly bootedAt: number },
  ) => string;
}

const user = (process: GuestProcess): string => (process.uid === 0 ? 'root' : String(process.uid));
const kibibytes = (bytes: number): string => String(Math.floor(bytes / 1024));

/** Columns by the names that ps(1) has for them. */
const COLUMNS: Readonly<Record<string, Column>> = {
  pid: { title: 'PID', value: (process) => String(process.pid) },
  ppid: { title: 'PPID', value: (process) => String(process.parent) },
  uid: { title: 'UID', value: user },
  user: { title: 'USER', value: user },
  comm: { title: 'COMMAND', value: (process) => process.name },
  cmd: { title: 'CMD', value: (process) => process.command },
  args: { title: 'COMMAND', value: (process) => process.command },
  command: { title: 'COMMAND', value: (process) => process.command },
  stat: { title: 'STAT', value: (process) => process.state },
  state: { title: 'S', value: (process) => process.state },
  sid: { title: 'SID', value: (process) => String(process.session) },
  tty: { title: 'TTY', value: terminalName },
  time: { title: 'TIME', value: (process) => clock(process.cpu) },
  etime: {
    title: 'ELAPSED',
    value: (process, { bootedAt }) => clock(Math.max(0, Date.now() / 1000 - bootedAt - process.started)),
  },
  stime: { title: 'STIME', value: startTime },
  start: { title: 'START', value: startTime },
  c: { title: 'C', value: () => '0' },
  pcpu: {
    title: '%CPU',
    value: (process, { bootedAt }) => percent(process.cpu, Date.now() / 1000 - bootedAt - process.started),
  },
  pmem: { title: '%MEM', value: (process, { memory }) => percent(process.resident, memory) },
  vsz: { title: 'VSZ', value: (process) => kibibytes(process.virtual) },
  rss: { title: 'RSS', value: (process) => kibibytes(process.resident) },
  nlwp: { title: 'NLWP', value: (process) => String(process.threads) },
};

const FULL = ['uid', 'pid', 'ppid', 'c', 'stime', 'tty', 'time', 'cmd'];
const BSD = ['user', 'pid', 'pcpu', 'pmem', 'vsz', 'rss', 'tty', 'stat', 'start', 'time', 'command'];
const SHORT = ['pid', 'tty', 'time', 'cmd'];

/** The columns that ps(1) arguments ask for: -ef, aux, -e and -o lists. Rejects others: a guest need not have a ps to run. */
export function columnsFor(psArgs: readonly string[]): readonly string[] {
  const words = psArgs.flatMap((argument) => argument.trim().split(/\s+/)).filter((word) => word !== '');
  const listed: string[] = [];
  let columns: readonly string[] = FULL;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const list = /^(?:-?(?:[eAaxww]*)o|--format=?)(.*)$/.exec(word);
    if (/^-?[aux]+w*$/.test(word) && word.includes('u')) columns = BSD;
    else if (/^-[eAaxw]*f[w]*$/.test(word)) columns = FULL;
    else if (/^-?[eAaxw]+$/.test(word)) columns = words.length === 1 ? SHORT : columns;
    else if (list !== null)
      listed.push(
        ...(list[1] || (words[++index] ?? '')).split(',').map((name) => name.split('=', 1)[0] ?? ''),
      );
    else
      throw new HullError(
        'invalid-argument',
        `ps argument ${JSON.stringify(word)} is not known for VMs; use -ef, aux or -o ${Object.keys(COLUMNS).join(',')}`,
      );
  }
  const chosen = listed.length > 0 ? listed : columns;
  for (const name of chosen) {
    if (!(name in COLUMNS))
      throw new HullError(
        'invalid-argument',
        `ps column ${JSON.stringify(name)} is not known for VMs; known: ${Object.keys(COLUMNS).join(', ')}`,
      );
  }
  return chosen;
}

/** `memory`: the guest's, bytes; `bootedAt`: seconds since the epoch. */
export function processTable(
  processes: readonly GuestProcess[],
  psArgs: readonly string[],
  facts: { memory: number; bootedAt: number },
): ProcessTable {
  const columns = columnsFor(psArgs).flatMap((name) => COLUMNS[name] ?? []);
  const rows = processes.map((process) => columns.map((column) => column.value(process, facts)));
  return { titles: columns.map((column) => column.title), rows };
}

function terminalName(process: GuestProcess): string {
  const major = (process.terminal >> 8) & 0xfff;
  const minor = (process.terminal & 0xff) | ((process.terminal >> 12) & 0xfff00);
  return process.terminal === 0
    ? '?'
    : major >= 136 && major <= 143
      ? `pts/${(major - 136) * 256 + minor}`
      : 'console';
}

function clock(seconds: number): string {
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) =>
    String(Math.floor(part)).padStart(2, '0'),
  );
  return parts.join(':');
}

function startTime(process: GuestProcess, facts: { readonly bootedAt: number }): string {
  return new Date((facts.bootedAt + process.started) * 1000).toISOString().slice(11, 16);
}

function percent(part: number, whole: number): string {
  return (whole > 0 ? Math.max(0, (100 * part) / whole) : 0).toFixed(1);
}
