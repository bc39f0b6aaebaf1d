/** Something that exists on the host for an instance. */
export interface Leftover {
  readonly kind: 'process' | 'mount' | 'cgroup' | 'namespace' | 'link' | 'nft' | 'folder' | 'file' | 'loop';
  /** Path, pid or name. */
  readonly what: string;
  /** Instance id (or its first 12 digits) where it can be told. */
  readonly owner: string | null;
  /** Absent: it is gone when it has been removed. Present: it may be somebody's data, and is set aside. */
  readonly kept?: true;
  /** Removes it. */
  remove(): Promise<void>;
}
