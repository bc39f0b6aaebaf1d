/** One request of a scenario. `{name}` in its path and body stands for what an earlier answer gave. */
export interface Step {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** JSON, or text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Remembers a field of the answer, e.g. `['id', 'Id']`. */
  readonly keep?: readonly [name: string, field: string];
  /** Milliseconds before the request: time for what an earlier one began. */
  readonly after?: number;
  /** The answer's body is a stream of frames. */
  readonly frames?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** Carries one engine through a scenario. The names that were kept are in `kept`. */
export class Client {
  readonly #socket: string;
  readonly kept = new Map<string, string>();

  constructor(socket: string) {
    this.#socket = socket;
  }

  async ask(step: Step): Promise<Answer> {
    if (step.after !== undefined) await Bun.sleep(step.after);
    const text = typeof step.body === 'string' ? step.body : JSON.stringify(step.body);
    const response = await fetch(`http://docker/v1.41${this.#fill(step.path)}`, {
      unix: this.#socket,
      method: step.method,
      headers: {
        ...(step.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...step.headers,
      },
      ...(step.body === undefined ? {} : { body: this.#fill(text) }),
      signal: AbortSignal.timeout(20_000),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const body =
      step.frames === true && response.ok ? frames(bytes) : parsed(new TextDecoder().decode(bytes));
    this.#keep(step, body);
    return { status: response.status, type: response.headers.get('content-type') ?? '', body };
  }

  #fill(text: string): string {
    return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => this.kept.get(name) ?? whole);
  }

  #keep({ keep }: Step, body: unknown): void {
    if (keep === undefined) return;
    const value = (body as Record<string, unknown> | null)?.[keep[1]];
    if (typeof value !== 'string') throw new Error(`the answer has no ${keep[1]}: ${JSON.stringify(body)}`);
    this.kept.set(keep[0], value);
  }
}

/** JSON, several values of it on lines of their own, or text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    try {
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line) as unknown);
    } catch {
      return text;
    }
  }
}

/** The text of each stream: where a daemon cuts, and which stream it reads first, is its own business. */
function frames(bytes: Uint8Array): Readonly<Record<number, string>> {
  const found: Record<number, string> = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 8 <= bytes.length) {
    const stream = view.getUint8(at);
    const size = view.getUint32(at + 4);
    const text = new TextDecoder().decode(bytes.subarray(at + 8, at + 8 + size));
    found[stream] = (found[stream] ?? '') + text;
    at += 8 + size;
  }
  return found;
}
