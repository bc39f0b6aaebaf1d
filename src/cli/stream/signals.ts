import type { CliIo } from '../io.ts';

/** What a terminal or supervisor sends to make a program react; the rest keeps its own effect. */
const PROXIED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/** Passes signals on to the workload instead of dying of them, until the returned function is called. */
export function proxySignals(io: CliIo, kill: (signal: string) => Promise<void>): () => void {
  const removers = PROXIED.map((signal) =>
    io.onSignal(signal, () => {
      // The workload may just have ended: its exit status follows anyway.
      kill(signal.slice('SIG'.length)).catch(() => undefined);
    }),
  );
  return () => {
    for (const remove of removers) remove();
  };
}
