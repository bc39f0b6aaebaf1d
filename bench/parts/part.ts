import type { Dockerd } from '../peers/dockerd.ts';
import type { Hull } from '../peers/hull.ts';
import type { Podman } from '../peers/podman.ts';
import type { Table } from '../result.ts';
import type { Workplace } from '../workplace.ts';

/** What the parts of the benchmark measure. All engines run and have the image `busybox`. */
export interface Bench {
  readonly place: Workplace;
  readonly dockerd: Dockerd;
  readonly podman: Podman;
  /** Null when only the peers are measured. */
  readonly hull: Hull | null;
  readonly rounds: number;
  say(text: string): void;
}

export type Part = (bench: Bench) => Promise<readonly Table[]>;
