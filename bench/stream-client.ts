import { setTimeout as sleep } from 'node:timers/promises';

interface Stream {
  /** Resolves to the bytes that came, when the stream has ended. */
  readonly ended: Promise<number>;
  pause(): void;
  close(): void;
}

const MB = 1e6;

/** Docker's interface over its socket, for streams whose bytes are only counted: a client that does more would be what is measured. */
export class StreamClient {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Megabytes per second from the start of a container that runs `command` to the end of its output. */
  async attachRate(command: readonly string[]): Promise<number> {
    return await this.#withContainer(command, async (id) => {
      const stream = await this.#stream('POST', `/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
      const begin = performance.now();
      await this.#ask('POST', `/containers/${id}/start`);
      return rate(await stream.ended, begin);
    });
  }

  /** Megabytes per second at which the log of a container that has run `command` is read, several times. */
  async logRates(command: readonly string[], rounds: number): Promise<readonly number[]> {
    return await this.#withContainer(command, async (id) => {
      await this.#ask('POST', `/containers/${id}/start`);
      await this.#ask('POST', `/containers/${id}/wait`);
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const begin = performance.now();
        const stream = await this.#stream('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
        rates.push(rate(await stream.ended, begin));
      }
      return rates;
    });
  }

  /** Attaches, reads nothing while `command` prints for some seconds, and returns what `look` then says. */
  async whileStalled<T>(command: readonly string[], seconds: number, look: () => T): Promise<T> {
    return await this.#withContainer(command, async (id) => {
      const stream = await this.#stream('POST', `/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
      stream.pause();
      await this.#ask('POST', `/containers/${id}/start`);
      await sleep(seconds * 1000);
      const seen = look();
      stream.close();
      return seen;
    });
  }

  async #withContainer<T>(command: readonly string[], act: (id: string) => Promise<T>): Promise<T> {
    // Debian's dockerd bounds no log by itself; hull does. Both keep everything here.
    const HostConfig = { LogConfig: { Type: 'json-file', Config: { 'max-size': '4g' } } };
    const body = { Image: 'busybox', Cmd: command, HostConfig };
    const created = JSON.parse(await this.#ask('POST', '/containers/create', body)) as {
      readonly Id: string;
    };
    try {
      return await act(created.Id);
    } finally {
      await this.#ask('DELETE', `/containers/${created.Id}?force=1`);
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<string> {
    const response = await fetch(`http://engine/v1.41${path}`, {
      method,
      unix: this.#socket,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}: ${text}`);
    return text;
  }

  /** Resolves when the answer's head has come. */
  async #stream(method: string, path: string): Promise<Stream> {
    const opened = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<number>();
    let bytes = 0;
    const socket = await Bun.connect({
      unix: this.#socket,
      socket: {
        data: (_socket, data) => {
          bytes += data.byteLength;
          opened.resolve();
        },
        close: () => ended.resolve(bytes),
        error: (_socket, error) => ended.reject(error),
      },
    });
    const upgrade = method === 'POST' ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : 'Connection: close\r\n';
    socket.write(`${method} /v1.41${path} HTTP/1.1\r\nHost: engine\r\n${upgrade}\r\n`);
    await opened.promise;
    return { ended: ended.promise, pause: () => socket.pause(), close: () => socket.terminate() };
  }
}

function rate(bytes: number, begin: number): number {
  return bytes / MB / ((performance.now() - begin) / 1000);
}
