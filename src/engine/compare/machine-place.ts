import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { withTimeout } from '../../lib/rollback.ts';
import { HullError } from '../../model/errors.ts';
import type { Stdio } from '../../runtime/runtime.ts';
import { LineReader, MEASURE_TIMEOUT, type Place, refused } from './inside.ts';

/** On the machine's disk: /tmp and /run may be memory, and forbid running programs. */
const FOLDER = '/var/tmp';
/** Milliseconds until the machine's shell must have connected; the line is typed again every few seconds, for its login may come late. */
const CONNECT_TIMEOUT = 60_000;
const TYPE_AGAIN = 5_000;
const END = 'hull-measure-end';

export interface MachineConsole {
  readonly stdio: Stdio;
  /** The machine's address, and the host's on the same bridge. */
  readonly address: string;
  readonly gateway: string;
  /** Folder in the machine for the program and its file. */
  readonly folder?: string;
}

/**
 * A shell in a machine. A machine has no agent, but root's shell on its console, which only the host's root reaches. One line typed there
 * connects a second shell to the host, over the bridge; that one gets the program and runs it, and nothing is left of it after the instance.
 */
export class MachinePlace implements Place, AsyncDisposable {
  readonly scratch: string;
  readonly #program: string;
  readonly #socket: Socket;
  readonly #server: Server;
  readonly #stdio: Stdio;
  #waiting: { resolve: (line: string) => void; reject: (error: unknown) => void } | null = null;
  #onLine: (line: string) => void = () => undefined;
  #said = '';

  private constructor(socket: Socket, server: Server, { stdio, folder = FOLDER }: MachineConsole) {
    this.#program = `${folder}/hull-measure`;
    this.scratch = `${this.#program}.disk`;
    this.#socket = socket;
    this.#server = server;
    this.#stdio = stdio;
    const lines = new LineReader((line) => this.#line(line));
    const decoder = new TextDecoder();
    socket.on('data', (data: Buffer) => lines.push(decoder.decode(data, { stream: true })));
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#waiting?.reject(new HullError('guest-unreachable', 'the machine’s shell closed the connection')),
    );
  }

  /** `program`: path of hull-measure on the host. Rejects `guest-unreachable` when the machine's shell does not connect. */
  static async open(console: MachineConsole, program: string, signal?: AbortSignal): Promise<MachinePlace> {
    const connected = Promise.withResolvers<Socket>();
    const server = createServer((socket) => {
      // Other instances reach this address too.
      if (socket.remoteAddress === console.address) connected.resolve(socket);
      else socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, console.gateway, resolve);
    });
    const typing = await typeUntil(console, server);
    const stop = (): void => connected.reject(signal?.reason);
    signal?.addEventListener('abort', stop);
    try {
      const socket = await withTimeout(
        connected.promise,
        CONNECT_TIMEOUT,
        'the connection from the machine’s shell',
      );
      const place = new MachinePlace(socket, server, console);
      await place.#upload(readFileSync(program));
      return place;
    } catch (error) {
      server.close();
      console.stdio.detach();
      throw signal?.aborted === true ? error : unreachable(error);
    } finally {
      clearInterval(typing);
      signal?.removeEventListener('abort', stop);
    }
  }

  async measure(args: readonly string[], onLine?: (line: string) => void): Promise<string> {
    this.#onLine = onLine ?? (() => undefined);
    // Arguments are words of ours: numbers, addresses and paths without blanks.
    return await this.#run(`${this.#program} ${args.join(' ')} </dev/null 2>&1`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    this.#stdio.detach();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** The shell reads its commands byte by byte, so what follows the line is left for `head`. */
  async #upload(program: Uint8Array): Promise<void> {
    const path = this.#program;
    const done = this.#run(`head -c ${program.byteLength} >${path} && chmod 700 ${path} && echo there`);
    this.#socket.write(program);
    await done;
  }

  async #run(command: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting = { resolve, reject };
    this.#said = '';
    this.#socket.write(`${command}; echo ${END} $?\n`);
    try {
      return await withTimeout(promise, MEASURE_TIMEOUT, 'a measurement in the machine');
    } finally {
      this.#waiting = null;
    }
  }

  #line(line: string): void {
    const end = new RegExp(`^${END} (\\d+)$`).exec(line);
    if (end === null) {
      this.#said = line;
      this.#onLine(line);
    } else if (end[1] === '0') this.#waiting?.resolve(this.#said);
    else this.#waiting?.reject(refused(Number(end[1]), this.#said));
  }
}

async function typeUntil(console: MachineConsole, server: Server): Promise<NodeJS.Timeout> {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new HullError('internal', 'the server has no port');
  const line = new TextEncoder().encode(
    `bash 0<>/dev/tcp/${console.gateway}/${address.port} 1>&0 2>/dev/null\n`,
  );
  const type = (): Promise<void> => console.stdio.write(line).catch(() => undefined);
  await type();
  return setInterval(() => void type(), TYPE_AGAIN);
}

function unreachable(error: unknown): Error {
  const said = error instanceof Error ? error.message : String(error);
  return new HullError(
    'guest-unreachable',
    `no shell of the machine connected to the host (${said}): that needs root’s shell on the machine’s console, with bash, and a firewall that lets the bridge reach the host`,
    { cause: error },
  );
}
