import type { OutputChunk, Stdio } from '../runtime/runtime.ts';

export interface Witnesses {
  /** Called when all output was passed on, or the client has left. */
  readonly whole?: () => void;
  /** Called when the client leaves. */
  readonly left?: () => void;
}

/**
 * The same connection, its output ending only when `ended` is settled too (or the client has left): clients ask for the exit status as soon as
 * the output ends, and a status that comes a moment later would read as 0.
 */
export function endingWith(stdio: Stdio, ended: Promise<unknown>, witnesses: Witnesses = {}): Stdio {
  const left = Promise.withResolvers<void>();
  async function* output(): AsyncGenerator<OutputChunk> {
    try {
      yield* stdio.output;
    } finally {
      witnesses.whole?.();
    }
    await Promise.race([ended, left.promise]);
  }
  return {
    output: output(),
    write: (data) => stdio.write(data),
    closeInput: () => stdio.closeInput(),
    detach: () => {
      witnesses.whole?.();
      witnesses.left?.();
      left.resolve();
      stdio.detach();
    },
  };
}

/** Of what has ended. */
export const NO_STDIO: Stdio = {
  output: { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) },
  write: async () => undefined,
  closeInput: async () => undefined,
  detach: () => undefined,
};

/**
 * For a connection that failed because the process has ended in the meantime: nothing more is to be seen. Other errors are thrown again.
 */
export function endedStdio(error: unknown): Stdio {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
  return NO_STDIO;
}
