import { readTar } from '../../../src/lib/tar/archive.ts';
import { collect } from '../../../src/lib/streams.ts';
import type { TestEngine } from '../../support/engine.ts';

export interface Stat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

/** The archive requests of an engine, as they are on the wire. */
export class FilesApi {
  readonly #engine: TestEngine;

  constructor(engine: TestEngine) {
    this.#engine = engine;
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://docker${path}`, { ...init, unix: this.#engine.socket });
  }

  async stat(name: string, path: string): Promise<{ status: number; stat: Stat | null }> {
    const answer = await this.request(archive(name, path), { method: 'HEAD' });
    const header = answer.headers.get('x-docker-container-path-stat');
    const stat = header === null ? null : (JSON.parse(Buffer.from(header, 'base64').toString()) as Stat);
    return { status: answer.status, stat };
  }

  get(name: string, path: string): Promise<Response> {
    return this.request(archive(name, path));
  }

  /** A file's text; fails unless there is one. */
  async text(name: string, path: string): Promise<string> {
    const answer = await this.get(name, path);
    if (answer.status !== 200 || answer.body === null) throw new Error(`${path}: ${await answer.text()}`);
    for await (const { body } of readTar(answer.body)) return Buffer.from(await collect(body)).toString();
    throw new Error(`${path}: nothing came`);
  }

  async put(
    name: string,
    path: string,
    body: Uint8Array,
    more = '',
  ): Promise<{ status: number; message?: string }> {
    const answer = await this.request(archive(name, path) + more, { method: 'PUT', body: Buffer.from(body) });
    const said = await answer.text();
    return said === ''
      ? { status: answer.status }
      : { status: answer.status, message: (JSON.parse(said) as { message: string }).message };
  }

  async *stream(path: string): AsyncGenerator<Uint8Array> {
    const answer = await this.request(path);
    if (answer.body !== null) yield* answer.body;
  }
}

function archive(name: string, path: string): string {
  return `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
}
