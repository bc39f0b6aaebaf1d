import type { ContainerWaitResponse } from '../../../api/docker.ts';
import type { CommandContext } from '../command.ts';
import { followTerminalSize } from '../stream/resize.ts';
import { enterRawMode, runSession, type SessionOptions } from '../stream/session.ts';
import { proxySignals } from '../stream/signals.ts';
import { startFailure } from '../stream/exit-status.ts';
import { CommandFailure } from '../usage-error.ts';
import type { RunTimings } from './run-timings.ts';

export interface AttachedRun extends SessionOptions {
  readonly id: string;
  readonly autoRemove: boolean;
  readonly signalProxy: boolean;
  readonly detachKeysText: string | undefined;
  readonly timings?: RunTimings | undefined;
}

/**
 * Attaches, waits, starts, in the order in which nothing of the workload's output or end can be missed: attach and wait are
 * registered (their heads have come) before the start is sent. Resolves to the workload's exit status; 0 after a detach.
 */
export async function startAttached(context: CommandContext, run: AttachedRun): Promise<number> {
  const { io, client } = context;
  const { containers } = client;
  const ended = new AbortController();
  const attach = { stdin: run.stdin, stdout: run.stdout, stderr: run.stderr, detachKeys: run.detachKeysText };
  const [stream, wait] = await Promise.all([
    containers.attach(run.id, attach),
    containers.wait(run.id, run.autoRemove ? 'removed' : 'next-exit', ended.signal),
  ]);
  run.timings?.mark('attached, waiting');
  const stopProxy =
    run.signalProxy && !run.tty
      ? proxySignals(io, (signal) => containers.kill(run.id, signal))
      : () => undefined;
  const restore = await enterRawMode(io, run);
  const session = runSession(io, stream, run);
  // Looked at below; until then a failing start must not leave it unhandled.
  session.catch(() => undefined);
  let stopResize = () => undefined as void;
  try {
    await start(context, run.id, run.timings);
    if (run.tty)
      stopResize = followTerminalSize(io, (rows, columns) => containers.resize(run.id, rows, columns));
    if ((await session) === 'detached') return 0;
    const status = exitStatusOf(await wait.exit);
    run.timings?.mark('ended');
    return status;
  } catch (error) {
    stream.close();
    await session.catch(() => undefined);
    throw error;
  } finally {
    restore();
    stopProxy();
    stopResize();
    ended.abort();
  }
}

/** Starts; a workload that cannot be executed fails as it would in a shell (126, 127). */
export async function start({ client }: CommandContext, id: string, timings?: RunTimings): Promise<void> {
  try {
    await client.containers.start(id, (header) => timings?.engineSays(header));
    timings?.mark('started');
  } catch (error) {
    throw startFailure(error);
  }
}

/** The exit status in a wait's answer. Throws `CommandFailure` 125 when the engine could not wait. */
export function exitStatusOf(answer: ContainerWaitResponse): number {
  const message = answer.Error?.Message ?? '';
  if (message !== '') throw new CommandFailure(125, message);
  return answer.StatusCode;
}
