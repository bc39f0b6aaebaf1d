/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

/** OCI content descriptor (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI image manifest (image-spec, manifest.md). */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Docker's HEALTHCHECK in an image's configuration; durations in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** The execution part of an OCI image configuration (image-spec, config.md), with Docker's additions. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: Healthcheck;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
  readonly ArgsEscaped?: boolean;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** OCI image configuration (image-spec, config.md). Field names are the wire's. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: ImageRunConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}

/** One layer as stored: its DiffID (digest of the uncompressed tar), its blob, and the bytes that it unpacks to. */
export interface LayerInfo {
  readonly diffId: Digest;
  readonly blob: Descriptor;
  /** Bytes on disk when unpacked (apparent size of regular files). */
  readonly unpackedSize: number;
}

/** An image in the store: a small read-only value. `id` is the digest of the configuration, as Docker shows it. */
export interface Image {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layers: readonly LayerInfo[];
  /** Full references (`docker.io/library/debian:bookworm-slim`) that point at it now. */
  readonly references: readonly string[];
  /** The same with a digest (`docker.io/library/debian@sha256:…`): what registries know it as. */
  readonly digests?: readonly string[];
  /** When it came into this store, milliseconds since the epoch. */
  readonly storedAt: number;
}
