import type { DaemonOptions } from '../cli/index.ts';
import { createHost } from '../host/index.ts';
import { watchLoop } from '../host/loop-watch.ts';
import { OwnMemory } from '../host/own-memory.ts';
import { createServer } from '../http/server.ts';
import { messageOf } from '../model/errors.ts';
import { BUILD } from './build-info.ts';
import { composeEngine } from './compose.ts';
import { watchOver } from './defects.ts';
import { DaemonFolders } from './folders.ts';
import { Idle } from './idle.ts';
import { tcpOptions } from './tcp-options.ts';

/** Milliseconds without a request after which memory is given back. */
const QUIET = 2000;

/** Modes of what the engine and its programs make are as they say, whatever the caller's mask is; what is private says so. */
const FILE_MASK = 0o022;

/** Runs an engine until SIGTERM, SIGINT or a shutdown request: instances go on running, the next daemon takes them over. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const log = (message: string): void =>
    void process.stderr.write(`${new Date().toISOString()} ${message}\n`);
  process.umask(FILE_MASK);
  const faults = process.env['HULL_FAULTS'] ?? '';
  const host =
    faults === '' ? createHost() : (await import('../host/faults.ts')).withFaults(createHost(), faults);
  const tcp = tcpOptions(options);
  const folders = await DaemonFolders.open(options);
  const ended = Promise.withResolvers<number>();
  const engine = composeEngine({
    host,
    identity: folders.identity,
    engineId: folders.engineId,
    content: folders.content,
    // Empty is as good as unset.
    guestKernel: process.env['HULL_GUEST_KERNEL'] || undefined,
    build: { ...BUILD, builtWith: `Bun ${process.versions['bun'] ?? ''}` },
    log,
    debug: options.debug ? log : () => undefined,
    onShutdown: () => {
      log('shutting down: requested by a client');
      ended.resolve(0);
    },
  });
  const memory = new OwnMemory();
  const idle = new Idle(() => memory.giveBack(), QUIET);
  const server = createServer({
    engine: engine.api,
    socketPath: folders.socket,
    tcp,
    log: (level, line) => {
      idle.touch();
      if (level === 'error' || options.debug) log(line);
    },
  });
  watchOver(process, { log, end: ended.resolve });
  try {
    await engine.start();
    await server.listen();
    log(
      `hull ${BUILD.version} listens on ${[folders.socket, ...options.tcp].join(', ')} (engine ${folders.identity.tag}, data ${folders.identity.dataDir})`,
    );
    idle.touch();
    const watched = process.env['HULL_WATCH_LOOP'] ?? '';
    if (watched !== '')
      watchLoop(Number(watched), (time) => log(`the event loop stood still: ${time} ms of CPU time`));
    return await ended.promise;
  } finally {
    // First nobody may ask any more, then the engine ends.
    await server.close();
    const gaveBack = await engine
      .stop()
      .catch((error: unknown) => log(`shutdown failed: ${messageOf(error)}`));
    if (gaveBack === true) folders.leaveRun();
    folders.close();
  }
}
