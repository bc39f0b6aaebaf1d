import { connect, type Socket } from 'node:net';

/** HTTP by hand over a unix socket: shows what is on the wire, and misbehaves where a test wants it to. */
export class FakeClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(path: string) {
    this.#socket = connect({ path, allowHalfOpen: true });
    this.#socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      this.#socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Sends a request with a JSON body. `headers`: whole lines without their ends. */
  request(method: string, path: string, body: object | string = '', headers: readonly string[] = []): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const lines = ['Host: test', `Content-Length: ${Buffer.byteLength(text)}`, ...headers];
    this.send(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`);
  }

  send(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** Everything up to and with `mark`; the rest stays for the next call. Rejects at the end of the stream and after two seconds. */
  async until(mark: string): Promise<string> {
    const deadline = Date.now() + 2000;
    for (;;) {
      const at = this.#received.indexOf(mark);
      if (at !== -1) return this.#take(at + mark.length);
      if (this.#ended || Date.now() > deadline) {
        throw new Error(`"${mark}" did not come, but: ${this.#received.toString('latin1').slice(0, 2000)}`);
      }
      await this.#more(deadline);
    }
  }

  /** Everything to the end of the stream. */
  async rest(): Promise<string> {
    const deadline = Date.now() + 5000;
    while (!this.#ended) {
      if (Date.now() > deadline) throw new Error('the stream did not end');
      await this.#more(deadline);
    }
    return this.#take(this.#received.length);
  }

  /** Answer with a body: its status and what the JSON says. */
  async json(): Promise<{ status: number; head: string; body: unknown }> {
    const head = await this.until('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const deadline = Date.now() + 2000;
    while (this.#received.length < length) await this.#more(deadline);
    const text = this.#take(length);
    return {
      status: Number(head.slice(9, 12)),
      head,
      body: text === '' ? null : (JSON.parse(text) as unknown),
    };
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** No more input; output goes on. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Goes without a word. */
  vanish(): void {
    this.#socket.destroy();
  }

  #take(length: number): string {
    const text = this.#received.toString('latin1', 0, length);
    this.#received = this.#received.subarray(length);
    return text;
  }

  async #more(deadline: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
