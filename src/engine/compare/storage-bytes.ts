import { stat } from 'node:fs/promises';
import type { StoragePart } from '../../model/comparison.ts';
import type { Image } from '../../model/image.ts';
import type { Images, Machines } from '../api.ts';
import type { Subject } from './subjects.ts';

export interface StorageParts {
  readonly images: Pick<Images, 'usage'>;
  readonly machines: Pick<Machines, 'get'>;
  readonly imageDisk: (image: Image) => Promise<{ path: string; bytes: number }>;
  /** Command line of a process; empty when it is gone. */
  readonly commandOf: (pid: number) => readonly string[];
}

/** What all instances of a subject use together on the host's disk. `pid`: the workload's host process (QEMU for a VM). */
export async function sharedStorage(
  parts: StorageParts,
  subject: Subject,
  image: Image,
  pid: number,
): Promise<StoragePart[]> {
  if (subject.source.kind === 'machine') {
    const { storedSize, kernel, initrd } = parts.machines.get(subject.source.name);
    return [{ what: 'machine disk', bytes: storedSize }, ...(await kernelParts([kernel, initrd]))];
  }
  if (subject.kind === 'vm') {
    const { bytes } = await parts.imageDisk(image);
    const command = parts.commandOf(pid);
    // Where the process sees them: its root is its own.
    const files = ['-kernel', '-initrd']
      .map((option) => optionOf(command, option))
      .map((path) => (path === undefined ? undefined : `/proc/${pid}/root${path}`));
    return [{ what: 'image disk', bytes }, ...(await kernelParts(files))];
  }
  const usage = (await parts.images.usage()).get(image.id);
  return [{ what: 'image layers', bytes: usage?.total ?? 0 }];
}

async function kernelParts(files: readonly (string | undefined)[]): Promise<StoragePart[]> {
  const names = ['guest kernel', 'initial RAM disk'];
  const parts = files.map(async (file, index): Promise<StoragePart[]> => {
    if (file === undefined) return [];
    const { size, blocks } = await stat(file);
    return [{ what: names[index] ?? file, bytes: Math.min(size, blocks * 512) }];
  });
  return (await Promise.all(parts)).flat();
}

function optionOf(command: readonly string[], option: string): string | undefined {
  const at = command.indexOf(option);
  return at < 0 ? undefined : command[at + 1];
}
