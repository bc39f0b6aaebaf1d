/** What a process says of itself to those who keep it alive: `process`, or a part of it in tests. */
type Watched = Pick<NodeJS.Process, 'on'>;

export interface LifeSigns {
  readonly log: (message: string) => void;
  /** Called with the process's exit status when it is to end in order. */
  readonly end: (status: number) => void;
}

/** What asks a daemon to end in order. */
const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** What others send to look at a daemon (Docker's writes its threads down), or without a thought: it would end this one, and without a word. */
const HARMLESS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGIO', 'SIGXCPU'] as const;

/**
 * Keeps a daemon from ending without a word. One request's defect is written down, with its stack, and everyone else is served on: what is
 * recorded of an instance is written before and after each step, never only in memory. Signals that would end it silently are written down, too.
 */
export function watchOver(watched: Watched, { log, end }: LifeSigns): void {
  const defect = (kind: string) => (error: unknown) => log(`defect: ${kind}: ${stackOf(error)}`);
  watched.on('unhandledRejection', defect('unhandled rejection'));
  watched.on('uncaughtException', defect('uncaught exception'));
  for (const signal of ENDING) {
    watched.on(signal, () => {
      log(`received ${signal}: shutting down; instances keep running`);
      end(0);
    });
  }
  for (const signal of HARMLESS) watched.on(signal, () => log(`received ${signal}: ignored (${inBrief()})`));
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function inBrief(): string {
  const { rss } = process.memoryUsage();
  return `${Math.round(rss / 2 ** 20)} MiB of memory, up for ${Math.round(process.uptime())} s`;
}
