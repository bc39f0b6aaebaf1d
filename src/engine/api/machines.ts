import type { ProgressSink } from '../../model/progress.ts';
import type { MachineDisk } from '../../storage/storage.ts';

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
