/** An engine as the benchmark needs it: its command line, up to the sub-command, and what belongs to it on the host. */
export interface Engine extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** What it keeps is here, and its processes' arguments name it. */
  readonly folder: string;
  /** The complete command for `docker`-like arguments. */
  command(...args: readonly string[]): readonly string[];
  /** Options that this engine needs in every `run`. */
  readonly runOptions: readonly string[];
  /** Options that make `rm --force` kill at once rather than ask the workload to stop. */
  readonly removeOptions: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The daemon's process ids; none for an engine without a daemon. */
  daemons(): readonly number[];
}
