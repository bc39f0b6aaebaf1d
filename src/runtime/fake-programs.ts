import type { ProcessSpec, TerminalSize } from '../model/instance.ts';

/** What a fake program sees of its process. */
export interface FakeProcess {
  readonly spec: ProcessSpec;
  readonly hostname: string;
  /** Ends when the input is closed. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly print: (text: string | Uint8Array, stream?: 'stdout' | 'stderr') => Promise<void>;
  /** Handles signals (not SIGKILL) instead of dying of them. */
  readonly onSignal: (handler: (signal: number) => void) => void;
  readonly size: () => TerminalSize | undefined;
}

/** Runs to the end; returns the exit status. */
export type FakeProgram = (process: FakeProcess) => Promise<number>;

/** The few programs that a test needs, with busybox's behaviour as far as a test can see it. */
export const FAKE_PROGRAMS: Readonly<Record<string, FakeProgram>> = {
  true: async () => 0,
  false: async () => 1,
  echo: async ({ spec, print }) => {
    await print(`${spec.args.slice(1).join(' ')}\n`);
    return 0;
  },
  cat: async ({ stdin, print }) => {
    for await (const data of stdin) await print(data);
    return 0;
  },
  /** `head -c COUNT /dev/zero` */
  head: async ({ spec, print }) => {
    await print(new Uint8Array(Number(spec.args[2])));
    return 0;
  },
  sleep: async ({ spec }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(spec.args[1] ?? '0') * 1000).unref());
    return 0;
  },
  env: async ({ spec, print }) => {
    await print(`${spec.env.join('\n')}\n`);
    return 0;
  },
  pwd: async ({ spec, print }) => {
    await print(`${spec.cwd}\n`);
    return 0;
  },
  hostname: async ({ hostname, print }) => {
    await print(`${hostname}\n`);
    return 0;
  },
  sh: async ({ spec, print, stdin }) => {
    const script = spec.args[2] ?? '';
    if (/^exit \d+$/.test(script)) return Number(script.slice(5));
    if (script === 'echo out; echo err >&2') {
      await print('out\n');
      await print('err\n', 'stderr');
      return 0;
    }
    if (spec.args.length === 1) for await (const line of stdin) await print(line);
    return 0;
  },
  /** Ignores every signal but SIGKILL, as a workload without a handler does when it is process 1. */
  stubborn: async ({ onSignal }) => {
    onSignal(() => undefined);
    return await new Promise<number>(() => undefined);
  },
};
