import type { CliIo } from '../io.ts';

/** Standard streams, files and terminal in memory, for tests of the command line. */
export interface MemoryIo extends CliIo {
  readonly stdout: string;
  readonly stderr: string;
  readonly files: Map<string, string>;
  /** Sends a signal to whoever listens. */
  signal(name: NodeJS.Signals): void;
}

export interface MemoryIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly tty?: boolean;
}

export function memoryIo(options: MemoryIoOptions = {}): MemoryIo {
  const output = { stdout: '', stderr: '' };
  const files = new Map(Object.entries(options.files ?? {}));
  const handlers = new Map<NodeJS.Signals, Set<() => void>>();
  return {
    env: options.env ?? {},
    cwd: '/home/me',
    files,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    out: (data) => void (output.stdout += textOf(data)),
    err: (data) => void (output.stderr += textOf(data)),
    isTty: () => options.tty === true,
    input: async function* () {
      if (options.input !== undefined) yield Buffer.from(options.input);
    },
    makeRaw: async () => () => undefined,
    terminalSize: () => (options.tty === true ? { rows: 24, columns: 80 } : null),
    onSignal: (name, handler) => {
      const known = handlers.get(name) ?? new Set();
      handlers.set(name, known.add(handler));
      return () => void known.delete(handler);
    },
    signal: (name) => {
      for (const handler of handlers.get(name) ?? []) handler();
    },
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      return text;
    },
    createFile: (path, text) => {
      if (files.has(path)) throw new Error(`${path} exists`);
      files.set(path, text);
    },
    writeFile: (path, text) => void files.set(path, text),
    removeFile: (path) => void files.delete(path),
  };
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString();
}
