import { existsSync } from 'node:fs';
import type { MachineDisk } from '../../model/machine.ts';
import type { CheckFinding } from '../api.ts';
import type { InstanceRecord } from '../instances/record.ts';

export interface SourceParts {
  readonly images: {
    readonly find: (id: string) => unknown;
    readonly damaged: (id: string) => string | null;
  };
  readonly machines: { readonly list: () => readonly MachineDisk[] };
}

/** Instances whose image or machine is no more: they cannot be started again. */
export function examineSources(
  records: readonly InstanceRecord[],
  { images, machines }: SourceParts,
): readonly CheckFinding[] {
  const disks = new Map(machines.list().map(({ name, disk }) => [name, disk]));
  return records.flatMap(({ config: { id, name, source } }): CheckFinding[] => {
    const lost = (kind: string, what: string): CheckFinding => {
      const note = `the instance ${name} is made of it, and cannot be started again: make it again, or remove the instance`;
      return { problem: 'missing', kind, what, owner: id, repaired: false, note };
    };
    if (source.kind === 'image')
      // A damaged one is a finding of its own.
      return images.damaged(source.imageId) === null && images.find(source.imageId) === null
        ? [lost('image', source.reference)]
        : [];
    const disk = disks.get(source.disk);
    return disk === undefined || !existsSync(disk) ? [lost('machine', source.disk)] : [];
  });
}
