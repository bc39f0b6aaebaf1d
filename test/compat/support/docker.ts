import type { TestEngine } from '../../support/engine.ts';
import { run, Running, type Finished, type RunOptions } from './command.ts';

/** Docker's own command line, unchanged, against an engine. */
export class Docker {
  readonly #engine: TestEngine;

  constructor(engine: TestEngine) {
    this.#engine = engine;
  }

  get environment(): Record<string, string> {
    return {
      HOME: this.#engine.folder,
      DOCKER_CONFIG: this.#engine.folder,
      DOCKER_HOST: this.#engine.url,
      // Without the buildx plugin the client falls back to the classic builder; said openly, it does so without a warning.
      DOCKER_BUILDKIT: '0',
      LANG: 'C.UTF-8',
    };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(['docker', ...args], this.#with(options));
  }

  /** Fails unless the status is 0. Returns standard output without the last newline. */
  async must(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code !== 0) {
      throw new Error(
        `docker ${args.join(' ')}: status ${result.code}: ${result.stderr}${result.stdout}`.slice(0, 3000),
      );
    }
    return result.stdout.replace(/\n$/, '');
  }

  /** Fails unless the status is not 0. Returns `status: standard error`. */
  async refused(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code === 0) throw new Error(`docker ${args.join(' ')}: accepted: ${result.stdout}`);
    return `${result.code}: ${result.stderr.trim()}`;
  }

  /** A command that goes on, e.g. `logs -f`. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    return new Running(['docker', ...args], this.#with(options));
  }

  /** The same on a terminal. `script` comes with every Debian. */
  startOnTerminal(args: readonly string[], options: RunOptions = {}): Running {
    const line = ['exec', 'docker', ...args].map(shellWord).join(' ');
    return new Running(['script', '-qefc', line, '/dev/null'], this.#with(options));
  }

  /** The one thing that `inspect` shows, e.g. `'{{.State.Status}}'`. */
  inspect(name: string, template: string, kind = 'container'): Promise<string> {
    return this.must(['inspect', '--type', kind, '-f', template, name]);
  }

  async json<T>(name: string, kind = 'container'): Promise<T> {
    const [first] = JSON.parse(await this.must(['inspect', '--type', kind, name])) as [T];
    return first;
  }

  #with(options: RunOptions): RunOptions {
    return { ...options, env: { ...this.environment, ...options.env } };
  }
}

function shellWord(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
