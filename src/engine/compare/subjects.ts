import { HullError } from '../../model/errors.ts';
import { ISOLATIONS, isIsolation, type Availability, type Isolation } from '../../model/isolation.ts';
import type { SubjectKind } from '../../model/comparison.ts';
import type { MachineDisk } from '../../model/machine.ts';
import type { CompareRequest, CreateInstance } from '../api.ts';

/** One column of the comparison. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly isolation: Isolation;
  readonly source: CreateInstance['source'];
  readonly detail: string;
  readonly warnings: readonly string[];
  /** Milliseconds until the probe must have succeeded. */
  readonly deadline: number;
}

export interface Plan {
  readonly subjects: readonly Subject[];
  readonly skipped: readonly { readonly kind: SubjectKind; readonly why: string }[];
}

const DEADLINES: Readonly<Record<SubjectKind, number>> = {
  container: 60_000,
  sandbox: 60_000,
  vm: 120_000,
  machine: 300_000,
};

/** What can be measured here, and what cannot. Throws `invalid-argument` for isolations that there are not, `isolation-unavailable` when nothing is left. Pure. */
export function planSubjects(
  request: Pick<CompareRequest, 'image' | 'isolations'>,
  machine: Pick<MachineDisk, 'name' | 'description'> | null,
  isolations: Readonly<Record<Isolation, Availability>>,
): Plan {
  const wanted = wantedIsolations(request.isolations);
  const subjects: Subject[] = [];
  const skipped: { kind: SubjectKind; why: string }[] = [];
  const add = (
    kind: SubjectKind,
    isolation: Isolation,
    source: Subject['source'],
    description?: string,
  ): void => {
    const availability = isolations[isolation];
    if (!availability.available) {
      skipped.push({ kind, why: availability.reason });
      return;
    }
    const { warnings } = availability;
    const detail = description ?? availability.detail;
    subjects.push({ kind, isolation, source, detail, warnings, deadline: DEADLINES[kind] });
  };
  for (const isolation of wanted) add(isolation, isolation, { kind: 'image', reference: request.image });
  if (machine === null) skipped.push({ kind: 'machine', why: 'no machine disk was named (--machine)' });
  else add('machine', 'vm', { kind: 'machine', name: machine.name }, machine.description);
  if (subjects.length > 0) return { subjects, skipped };
  throw new HullError(
    'isolation-unavailable',
    `this host can run none of what was to be compared: ${skipped.map(({ kind, why }) => `${kind}: ${why}`).join('; ')}`,
  );
}

function wantedIsolations(names: readonly string[] | undefined): readonly Isolation[] {
  if (names === undefined || names.length === 0) return ISOLATIONS;
  const unknown = names.find((name) => !isIsolation(name));
  if (unknown === undefined) return ISOLATIONS.filter((isolation) => names.includes(isolation));
  throw new HullError(
    'invalid-argument',
    `"${unknown}" is no isolation: choose of ${ISOLATIONS.join(', ')} (a machine is named with --machine)`,
  );
}
