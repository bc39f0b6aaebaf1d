import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../../src/host/index.ts';

const READY_WITHIN = 10_000;

export interface RegistryOptions {
  /** Asks for these by Basic authentication. */
  readonly password?: { readonly username: string; readonly password: string };
  /** Asks for tokens of this server, signed by the key of this certificate. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
}

/** Debian's docker-registry on a loopback port, with an empty folder. */
export class TestRegistry implements AsyncDisposable {
  readonly folder: string;
  readonly address: string;
  readonly #host = createHost();
  readonly #process: {
    readonly pid: number;
    kill(signal: NodeJS.Signals): void;
    readonly exited: Promise<number>;
  };

  private constructor(folder: string, address: string) {
    this.folder = folder;
    this.address = address;
    this.#process = this.#host.exec.spawn(['docker-registry', 'serve', join(folder, 'config.yml')], {
      env: { OTEL_TRACES_EXPORTER: 'none' },
    });
  }

  static async start(options: RegistryOptions = {}): Promise<TestRegistry> {
    const folder = mkdtempSync(join(tmpdir(), 'hull-registry-'));
    const address = `127.0.0.1:${await freePort()}`;
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'config.yml'), configurationOf(folder, address, options));
    if (options.password !== undefined) {
      const { username, password } = options.password;
      // Before the registry looks for it: it would make one of its own.
      const lines = await createHost().exec.must(['htpasswd', '-nbB', username, password]);
      writeFileSync(join(folder, 'htpasswd'), lines);
    }
    const registry = new TestRegistry(folder, address);
    const deadline = Date.now() + READY_WITHIN;
    while (!(await registry.#answers())) {
      if (Date.now() > deadline) throw new Error('the registry did not become ready');
      await Bun.sleep(20);
    }
    return registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    return await fetch(`http://${this.address}/v2/`).then(
      (response) => response.status === 200 || response.status === 401,
      () => false,
    );
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function configurationOf(folder: string, address: string, { password, token }: RegistryOptions): string {
  const auth =
    password !== undefined
      ? { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } }
      : token === undefined
        ? undefined
        : {
            token: {
              realm: token.realm,
              service: token.service,
              issuer: token.issuer,
              rootcertbundle: token.certificate,
            },
          };
  return JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address },
    ...(auth === undefined ? {} : { auth }),
  });
}
