import {
  closeSync,
  fstatSync,
  openSync,
  read,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

export type StandardStream = 'stdin' | 'stdout' | 'stderr';

/** The terminal, standard streams, environment and signals of the command line: injected, so that tests need no process. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  out(data: string | Uint8Array): void;
  err(data: string | Uint8Array): void;
  isTty(stream: StandardStream): boolean;
  /** Pieces of standard input until its end. May be called once. */
  input(): AsyncIterable<Uint8Array>;
  /** Makes the terminal on standard input raw; the returned function restores it. */
  makeRaw(): Promise<() => void>;
  /** Null when standard output is not a terminal. */
  terminalSize(): { rows: number; columns: number } | null;
  /** Calls `handler` instead of the signal's own effect until the returned function is called. */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
  readFile(path: string): string;
  /** Creates a file that must not exist yet. */
  createFile(path: string, text: string): void;
  writeFile(path: string, text: string): void;
  removeFile(path: string): void;
}

/** Thrown by `out` and `err` when the reader has gone: the command ends quietly. */
export class BrokenPipe extends Error {}

const DESCRIPTORS: Readonly<Record<StandardStream, number>> = { stdin: 0, stdout: 1, stderr: 2 };

/** The real one. Plain descriptors rather than `process.stdout`: setting those streams up costs 9 ms. */
export function createIo(): CliIo {
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (data) => writeAll(1, data),
    err: (data) => writeAll(2, data),
    isTty: (stream) => isTerminal(DESCRIPTORS[stream]),
    input: () => readAll(0),
    makeRaw: async () => (await import('../host/terminal.ts')).makeRaw(0),
    terminalSize: () => terminalSize(),
    onSignal: (signal, handler) => {
      process.on(signal, handler);
      return () => void process.off(signal, handler);
    },
    readFile: (path) => (path === '-' ? readEverything(0) : readFileSync(path, 'utf8')),
    createFile: (path, text) => {
      const descriptor = openSync(path, 'wx', 0o644);
      writeSync(descriptor, text);
      closeSync(descriptor);
    },
    writeFile: (path, text) => writeFileSync(path, text),
    removeFile: (path) => rmSync(path, { force: true }),
  };
}

function writeAll(descriptor: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  let done = 0;
  while (done < bytes.byteLength) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      // The latter where the stream is a socket.
      if (code === 'EPIPE' || code === 'ECONNRESET') throw new BrokenPipe();
      if (code !== 'EAGAIN') throw error;
      // Somebody made the shared description non-blocking: wait for the reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

async function* readAll(descriptor: number): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    const count = await readSome(descriptor, buffer);
    if (count === 0) return;
    if (count > 0) yield buffer.subarray(0, count);
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Bytes read; 0 at the end, -1 for nothing there yet. */
function readSome(descriptor: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, buffer.length, null, (error, count) => {
      if (error === null) resolve(count);
      else if (error.code === 'EAGAIN') resolve(-1);
      else if (error.code === 'EIO') resolve(0);
      else reject(error);
    });
  });
}

function readEverything(descriptor: number): string {
  const pieces: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(64 * 1024);
    const count = readSync(descriptor, buffer);
    if (count === 0) return Buffer.concat(pieces).toString();
    pieces.push(buffer.subarray(0, count));
  }
}

/** `node:tty` is loaded only for what may be a terminal: pipes and files are told by their type. */
function isTerminal(descriptor: number): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

function terminalSize(): { rows: number; columns: number } | null {
  if (!isTerminal(1)) return null;
  const { WriteStream } = process.getBuiltinModule('node:tty');
  const [columns, rows] = new WriteStream(1).getWindowSize();
  return { rows, columns };
}
