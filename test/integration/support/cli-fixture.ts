import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'bun:test';
import { createServer } from '../../../src/http/server.ts';
import { createFakeEngine, type FakeEngine } from '../../../src/http/testing/fake-engine.ts';

/** The words that start the command line from source. */
export const HULL = [process.execPath, resolve(import.meta.dirname, '../../../src/main/hull.ts')] as const;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child has written so far. */
export interface Output {
  stdout: string;
  stderr: string;
}

/** The real command line, in processes of its own, against the real HTTP server over an engine in memory. */
export interface CliFixture extends AsyncDisposable {
  readonly folder: string;
  readonly engine: FakeEngine;
  readonly environment: NodeJS.ProcessEnv;
  readonly launch: (args: readonly string[]) => ChildProcess;
  readonly hull: (args: readonly string[], input?: string) => Promise<Outcome>;
  /** Expects status 0 and nothing on standard error; resolves to the output. */
  readonly must: (args: readonly string[], input?: string) => Promise<string>;
  /** Waits until an instance runs. */
  readonly running: () => Promise<void>;
  removeInstances(): Promise<void>;
}

export async function startCli(): Promise<CliFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  const engine = createFakeEngine();
  const server = createServer({ engine, socketPath: join(folder, 's') });
  await server.listen();
  const environment = { ...process.env, HULL_HOST: `unix://${join(folder, 's')}` };
  const launch = (args: readonly string[]) =>
    spawn(HULL[0], [HULL[1], ...args], { env: environment, timeout: 20_000 });
  const hull = async (args: readonly string[], input = ''): Promise<Outcome> => {
    const child = launch(args);
    const output = collect(child);
    child.stdin?.end(input);
    const code = await ended(child);
    return { code, ...output };
  };
  const must = async (args: readonly string[], input = ''): Promise<string> => {
    const outcome = await hull(args, input);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return outcome.stdout;
  };
  return {
    folder,
    engine,
    environment,
    launch,
    hull,
    must,
    running: () => until(() => engine.instances.list().some(({ status }) => status.state === 'running')),
    removeInstances: async () => {
      for (const { config } of engine.instances.list())
        await engine.instances.remove(config.id, { force: true });
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      engine[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function collect(child: ChildProcess): Output {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output.stderr += data.toString()));
  return output;
}

export function ended(child: ChildProcess): Promise<number> {
  return new Promise((done) => void child.once('close', (status) => done(status ?? -1)));
}

export async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 25_000; !condition();) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await new Promise((done) => setTimeout(done, 10));
  }
}
