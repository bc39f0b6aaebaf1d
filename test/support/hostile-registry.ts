import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/lib/digest.ts';
import type { Digest } from '../../src/model/image.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** One image's documents and layers, as a registry would serve them. */
export interface ServedImage {
  readonly layers: readonly {
    readonly data: Uint8Array;
    readonly diffId: Digest;
    readonly mediaType?: string;
  }[];
  readonly config?: object;
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A registry that answers what a test wants: `answers` come first, by `METHOD /path`; then what was put in. */
export class HostileRegistry implements AsyncDisposable {
  readonly answers = new Map<string, Answer>();
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
  }[] = [];
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #manifests = new Map<string, { readonly data: Uint8Array; readonly mediaType: string }>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response),
    );
  }

  static async start(): Promise<HostileRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HostileRegistry(server);
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `127.0.0.1:${address.port}`;
  }

  addBlob(data: Uint8Array): Digest {
    const digest = digestOf(data);
    this.#blobs.set(digest, data);
    return digest;
  }

  addManifest(tag: string, value: object | Uint8Array, mediaType = OCI_MANIFEST): Digest {
    const data = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
    const digest = digestOf(data);
    this.#manifests.set(tag, { data, mediaType }).set(digest, { data, mediaType });
    return digest;
  }

  /** Returns the manifest's digest. */
  addImage(tag: string, { layers, config = {} }: ServedImage): Digest {
    const configData = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
        ...config,
      }),
    );
    return this.addManifest(tag, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: this.addBlob(configData),
        size: configData.length,
      },
      layers: layers.map(({ data, mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip' }) => ({
        mediaType,
        digest: this.addBlob(data),
        size: data.length,
      })),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    const path = url.split('?')[0] ?? '';
    this.requests.push({ method, path, headers: request.headers });
    const own = this.answers.get(`${method} ${path}`) ?? this.answers.get(path);
    if (own !== undefined) return own(request, response);
    const [, kind, name] = /\/(blobs|manifests)\/([^/]+)$/.exec(path) ?? [];
    const manifest = kind === 'manifests' ? this.#manifests.get(name ?? '') : undefined;
    const blob = kind === 'blobs' ? this.#blobs.get(name ?? '') : undefined;
    if (path === '/v2/') response.writeHead(200).end('{}');
    else if (manifest !== undefined)
      response.writeHead(200, { 'content-type': manifest.mediaType }).end(manifest.data);
    else if (blob !== undefined) sendBlob(request, response, blob);
    else
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
  }
}

function sendBlob(request: IncomingMessage, response: ServerResponse, blob: Uint8Array): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response
    .writeHead(from === 0 ? 200 : 206, { 'content-length': blob.length - from })
    .end(blob.subarray(from));
}

/** A layer as registries have it: compressed, with the digest of what it holds. */
export function layerOf(tar: Uint8Array): { readonly data: Uint8Array; readonly diffId: Digest } {
  return { data: gzipSync(tar), diffId: digestOf(tar) };
}
