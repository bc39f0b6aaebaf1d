import type { CliIo } from '../io.ts';

export type Resize = (rows: number, columns: number) => Promise<void>;

const ATTEMPTS = 5;

/** Tells the engine the terminal's size now and at each change, until the returned function is called. */
export function followTerminalSize(io: CliIo, resize: Resize): () => void {
  const send = async (): Promise<void> => {
    const size = io.terminalSize();
    if (size === null || size.rows === 0 || size.columns === 0) return;
    // The workload may not have its terminal yet.
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        return await resize(size.rows, size.columns);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, attempt * 10));
      }
    }
  };
  void send();
  return io.onSignal('SIGWINCH', () => void send());
}
