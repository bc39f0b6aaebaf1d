import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { removeRunFolder, writeNameFiles } from '../host/run-folder.ts';
import { hostsText, ownHostsLines, resolvConfText } from '../lib/name-files.ts';
import { Rollback } from '../lib/rollback.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { ProcessSpec } from '../model/instance.ts';
import { nameFilesIn, runsFolder } from '../model/instance-files.ts';
import type { Network, NetworkLease } from '../network/network.ts';
import type { Bundle, OutputChunk, Runtime } from '../runtime/runtime.ts';
import type { RunStep, StepRunner } from './step-runner.ts';

/** Every step's id starts so: what a killed daemon left of one is told by it, and belongs to nobody. */
export const STEP_ID_PREFIX = 'b01d57e9';

const HOSTNAME = 'build';
const SHORTEST_ID = 12;
const LOG_LIMIT = 1024 * 1024;
const REMOVAL_TIMEOUT = 30_000;

export interface StepRunnerDeps {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly runtime: Runtime;
  readonly network: Pick<Network, 'attach' | 'detach' | 'resolver'>;
}

/** Runs each step as a container of its own, on the engine's bridge, removed when it ends. */
export function createRuntimeStepRunner(deps: StepRunnerDeps): StepRunner {
  const folder = runsFolder(deps.identity);
  const running = new Set<string>();
  const isRunning = (start: string): boolean => [...running].some((id) => id.startsWith(start));
  return {
    async run(step, onOutput, signal) {
      const id = STEP_ID_PREFIX + randomBytes(28).toString('hex');
      running.add(id);
      try {
        return await runStep(deps, id, join(folder, shortId(id)), step, onOutput, signal);
      } finally {
        running.delete(id);
      }
    },
    owns: (id) => id.length >= SHORTEST_ID && isRunning(id.slice(0, SHORTEST_ID)),
    inventory: () =>
      stepFolders(folder)
        .filter((name) => !isRunning(name))
        .map((name) => ({
          kind: 'folder',
          what: join(folder, name),
          owner: name,
          remove: () => removeRunFolder(deps.host, join(folder, name)),
        })),
  };
}

async function runStep(
  deps: StepRunnerDeps,
  id: string,
  runDir: string,
  step: RunStep,
  onOutput: (chunk: OutputChunk) => void,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  await using undo = new Rollback({ timeout: REMOVAL_TIMEOUT });
  const { runtime, network, host } = deps;
  const mode = step.settings.network ?? 'bridge';
  const lease = await network.attach({ instanceId: id, mode, ports: [], names: [] });
  undo.defer('disconnect the build step', () => network.detach(id, lease));
  undo.defer('remove the files of the build step', () => removeRunFolder(host, runDir));
  const endpoints = lease.attachments.map(({ endpoint }) => endpoint);
  const own = ownHostsLines(
    HOSTNAME,
    '',
    endpoints.map(({ address }) => address),
  );
  writeNameFiles(host.mounts, runDir, {
    hosts: hostsText(step.settings.extraHosts ?? [], own, endpoints[0]?.gateway ?? '127.0.0.1'),
    hostname: `${HOSTNAME}\n`,
    resolvConf: resolvConfText(network.resolver(lease)),
  });
  await runtime.create(bundleOf(id, step, runDir, lease));
  undo.defer('remove the build step', () => runtime.delete(id));
  const stdio = await runtime.attach(id);
  const read = async (): Promise<void> => {
    for await (const chunk of stdio.output) onOutput(chunk);
  };
  const output = read();
  step.onBegin?.(id.slice(0, SHORTEST_ID));
  try {
    await runtime.start(id);
    const [exit] = await Promise.all([untilAborted(runtime.wait(id), signal), output]);
    return exit.code;
  } catch (error) {
    // Ends the reading, so that nothing of the step goes on behind the error.
    stdio.detach();
    await output.catch(() => undefined);
    throw error;
  }
}

/** Names of run folders that belong to steps. */
function stepFolders(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(STEP_ID_PREFIX));
  } catch {
    // No folder yet: no step ever ran.
    return [];
  }
}

/** Sockets lie below the run folder, and their paths are short. */
const shortId = (id: string): string => id.slice(0, 16);

function bundleOf(id: string, step: RunStep, runDir: string, lease: NetworkLease): Bundle {
  const process: ProcessSpec = { args: step.args, env: step.env, cwd: step.cwd, user: step.user, tty: false };
  return {
    id,
    name: id.slice(0, 12),
    hostname: HOSTNAME,
    domainname: '',
    process,
    openStdin: false,
    stdinOnce: false,
    root: { kind: 'mounts', path: step.root },
    mounts: [],
    files: nameFilesIn(runDir),
    network: lease.bundle,
    resources: step.settings.resources ?? {},
    readOnlyRoot: false,
    init: false,
    privileged: false,
    capAdd: [],
    capDrop: [],
    options: step.settings.options ?? {},
    runDir,
    log: { path: join(runDir, 'log'), hardLimit: LOG_LIMIT },
  };
}

/** The promise, or the abort's reason as soon as it comes. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
