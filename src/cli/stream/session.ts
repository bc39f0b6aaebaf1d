import { demultiplex } from '../../client/demux.ts';
import type { UpgradedStream } from '../../client/http-client.ts';
import type { CliIo } from '../io.ts';
import { DetachWatch } from '../values/detach-keys.ts';

export interface SessionOptions {
  /** The workload has a terminal: output is raw, not multiplexed. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Typed on a terminal, these leave the workload running. */
  readonly detachKeys: Uint8Array;
}

/** Why a session ended: the engine closed the stream, or the user detached. */
export type SessionEnd = 'closed' | 'detached';

/**
 * Makes the terminal raw where both sides have one; the returned function restores it. Before the workload starts, so that
 * nothing typed meanwhile is taken by the terminal's own keys.
 */
export async function enterRawMode(
  io: CliIo,
  options: { tty: boolean; stdin: boolean },
): Promise<() => void> {
  return isRaw(io, options) ? io.makeRaw() : () => undefined;
}

function isRaw(io: CliIo, options: { tty: boolean; stdin: boolean }): boolean {
  return options.tty && options.stdin && io.isTty('stdin');
}

/** Joins the standard streams with an attached workload until the engine closes the stream or the user detaches. */
export async function runSession(
  io: CliIo,
  stream: UpgradedStream,
  options: SessionOptions,
): Promise<SessionEnd> {
  try {
    const output = copyOutput(io, stream, options).then((): SessionEnd => 'closed');
    if (!options.stdin) return await output;
    const detached = copyInput(io, stream, isRaw(io, options) ? options.detachKeys : new Uint8Array());
    return await Promise.race([output, detached.then((left) => (left ? 'detached' : output))]);
  } finally {
    stream.close();
  }
}

async function copyOutput(io: CliIo, stream: UpgradedStream, options: SessionOptions): Promise<void> {
  if (options.tty) {
    for (let data = await stream.read(); data !== null; data = await stream.read()) io.out(data);
    return;
  }
  for await (const piece of demultiplex(stream)) {
    if (piece.stream === 'stdout' && options.stdout) io.out(piece.data);
    if (piece.stream === 'stderr' && options.stderr) io.err(piece.data);
  }
}

/** Resolves to true when the user detached; input's end is passed on and output goes on. */
async function copyInput(io: CliIo, stream: UpgradedStream, detachKeys: Uint8Array): Promise<boolean> {
  const watch = new DetachWatch(detachKeys);
  try {
    for await (const data of io.input()) {
      const { pass, detach } = watch.feed(data);
      if (pass.length > 0) await stream.write(pass);
      if (detach) return true;
    }
    await stream.end();
  } catch {
    // The workload no longer reads: its output and exit status say the rest.
  }
  return false;
}
