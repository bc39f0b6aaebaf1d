import type { ProgressSink } from './progress.ts';

/** A full operating-system disk. */
export interface MachineDisk {
  readonly name: string;
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  /** Bytes: as the guest sees it; as stored. */
  readonly virtualSize: number;
  readonly storedSize: number;
  readonly createdAt: number;
  readonly description: string;
}

/** The machines' disks. */
export interface Machines {
  list(): readonly MachineDisk[];
  get(name: string): MachineDisk;
  /** Debian by mmdebstrap with kernel and systemd, then packages by apt; a raw disk. */
  create(
    request: {
      name: string;
      suite?: string;
      packages: readonly string[];
      files?: Readonly<Record<string, string>>;
      size?: number;
    },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<MachineDisk>;
  remove(name: string): Promise<void>;
}
