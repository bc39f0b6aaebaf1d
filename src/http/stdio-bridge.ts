import type { Stdio } from '../runtime/runtime.ts';
import type { WatchedInput } from './detach-keys.ts';
import { frameChunk } from './framing.ts';
import type { HijackedConnection } from './responder.ts';

export interface BridgeOptions {
  /** Frames around the output (no terminal); else raw bytes. */
  readonly multiplexed: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Does the end of the client's input end the process's? */
  readonly endsInput: boolean;
  /** Sees the input first: a client at a terminal leaves by typing its detach keys. */
  readonly detach?: (data: Uint8Array) => WatchedInput;
}

/**
 * Joins a client's connection with a process until the process's output ends, the client goes (`gone`), or asks to leave. Slow
 * readers on either side slow the other. The process itself goes on.
 */
export async function bridge(
  connection: HijackedConnection,
  stdio: Stdio,
  options: BridgeOptions,
  gone: AbortSignal,
): Promise<void> {
  const leave = () => stdio.detach();
  gone.addEventListener('abort', leave, { once: true });
  if (gone.aborted) leave();
  receiveInput(connection, stdio, options);
  try {
    for await (const chunk of stdio.output) {
      if (gone.aborted) break;
      if (!options[chunk.stream]) continue;
      await connection.write(options.multiplexed ? frameChunk(chunk) : chunk.data);
    }
  } finally {
    gone.removeEventListener('abort', leave);
    leave();
    connection.end();
  }
}

function receiveInput(connection: HijackedConnection, stdio: Stdio, options: BridgeOptions): void {
  const onData = async (data: Uint8Array) => {
    if (!options.stdin) return;
    const { passed, left } = options.detach?.(data) ?? { passed: data, left: false };
    if (passed.byteLength > 0) await stdio.write(passed);
    if (!left) return;
    stdio.detach();
    connection.end();
  };
  const onEnd = async () => {
    if (options.stdin && options.endsInput) await stdio.closeInput();
  };
  connection.receive(onData, onEnd);
}
