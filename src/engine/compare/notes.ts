import type { SubjectKind } from '../../model/comparison.ts';

/** How the figures came about. Pure. */
export function methodNotes(
  kinds: readonly SubjectKind[],
  runs: number,
  coldProblem: string | null,
): string[] {
  const virtual = kinds.includes('vm') || kinds.includes('machine');
  return [
    coldProblem === null
      ? 'cold start: the first run, after the host’s page cache was dropped (programs, libraries, image and disks are read from the disk again); what is made once per image had been made before.'
      : `cold start: not measured, for the host’s page cache could not be dropped (${coldProblem}).`,
    `start times run from the request until the probe succeeds; warm: ${runs < 2 ? 'none, for only one run was asked for' : `the median of ${runs - 1} further ${runs === 2 ? 'run' : 'runs'}, isolations in turn`}. The probe itself takes part of that time; it is begun again and again, at intervals of an eighth of the time passed and at most a quarter of a second, so that is how exact these times are.`,
    'memory: proportional set size (PSS) of every host process that exists for the instance, one second after the first answer; the kernel’s own memory for it and cached files are not in it.',
    'CPU, disk and network: the same static program inside and on the host, in turn, as fractions of what the host did; the disk test writes 64 MiB, syncs, and reads it back with the host’s cache dropped; the network of the host itself is its loopback.',
    'capacity: by memory alone, each instance as it is just after its start; nothing else of the host is considered.',
    'isolation: as the kernel shows it for the workload’s process' +
      (virtual ? '; for a VM that is QEMU, which stands between the guest and the host.' : '.'),
    ...(kinds.includes('vm')
      ? ['storage: the image’s layers stay on the host beside the disk that is made of them for VMs.']
      : []),
  ];
}
