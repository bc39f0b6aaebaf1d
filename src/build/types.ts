import type { Digest, Image } from '../model/image.ts';
import type { InstanceOptions } from '../model/instance-options.ts';
import type { Resources } from '../model/resources.ts';

/** How RUN steps are run; all of it optional. */
export interface StepSettings {
  readonly resources?: Resources;
  /** Default `bridge`. */
  readonly network?: 'bridge' | 'host' | 'none';
  /** `NAME:ADDRESS`. */
  readonly extraHosts?: readonly string[];
  readonly options?: Pick<InstanceOptions, 'shmSize' | 'ulimits' | 'cgroupParent'>;
}

export interface BuildRequest {
  /** The build context, a tar stream (plain, gzip, zstd). */
  readonly context: AsyncIterable<Uint8Array>;
  /** Path inside the context; default `Dockerfile`. */
  readonly blueprint?: string;
  readonly tags: readonly string[];
  /** Stage to build, by name or number; default the last. Stages that it does not need are skipped. */
  readonly target?: string;
  /** Values for ARG instructions and Docker's predefined ones. */
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** What each RUN step may use, and how it is connected. */
  readonly settings?: StepSettings;
  /** Brings a base image here that is not; absent: only images that are here are used. */
  readonly fetchImage?: (reference: string) => Promise<Image>;
  /** Fetch base images that are here, too. */
  readonly fetchAlways?: boolean;
}

/** What a build says while it goes on. Stages may be built side by side: `step` tells whose output it is. */
export type BuildEvent =
  | {
      readonly type: 'step';
      readonly number: number;
      readonly total: number;
      readonly text: string;
      readonly stage: string | null;
    }
  | { readonly type: 'cached'; readonly step?: number }
  /** A step's command runs, as the container of this id; `ended`: that is over and removed. */
  | { readonly type: 'container'; readonly id: string; readonly ended: boolean; readonly step?: number }
  | {
      readonly type: 'output';
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
      readonly step?: number;
    }
  /** The step is done; `digest`: what it added, null where it changed no file. */
  | { readonly type: 'layer'; readonly digest: Digest | null; readonly size: number; readonly step?: number }
  | { readonly type: 'warning'; readonly text: string }
  | { readonly type: 'image'; readonly id: Digest; readonly tags: readonly string[] };

/** Receives a build's events; must not throw. */
export type BuildEventSink = (event: BuildEvent) => void;
