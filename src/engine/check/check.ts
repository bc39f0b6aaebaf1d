import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../model/errors.ts';
import type { Leftover } from '../../model/leftover.ts';
import type { CheckFinding } from '../api.ts';
import type { SetAsideStore } from '../../storage/storage.ts';
import type { VolumeStore } from '../../storage/volumes/volume-store.ts';
import { examineVolumes } from './volumes.ts';
import type { Lifecycle } from '../instances/lifecycle.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { damagedInstances, type DamagedRow, examineRows } from './damaged.ts';
import { findLeaks, type LeakParts, removableAtStart } from './leaks.ts';
import { byRank } from './rank.ts';
import { examineSetAside } from './set-aside.ts';
import { examineSources, type SourceParts } from './sources.ts';

/** What passes within this many milliseconds was work in progress. */
const SECOND_LOOK = 400;

export interface CheckParts extends LeakParts {
  /** Instances whose removal did not end, and how to try again. */
  readonly stuck: {
    readonly list: () => readonly InstanceRecord[];
    readonly retry: (id: string) => Promise<void>;
  };
  readonly volumes: Pick<VolumeStore, 'problems'>;
  readonly setAside: SetAsideStore;
  /** Of all but instances. */
  readonly damagedRows: () => readonly DamagedRow[];
  /** What instances are made of and is gone. */
  readonly sources: SourceParts;
  /** Damage of stored images, one finding each. `deep` verifies digests. */
  readonly examineImages: (options: { repair: boolean; deep: boolean }) => Promise<readonly CheckFinding[]>;
}

export interface CheckOptions {
  readonly repair: boolean;
  /** Verify every blob's digest. */
  readonly deep: boolean;
  /** Delete what was set aside. */
  readonly discard: boolean;
}

/** Compares records with the host, and repairs what can be repaired without losing anything. Deletes what was set aside only when told to. */
export async function check(parts: CheckParts, options: CheckOptions): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = await finishRemovals(parts, options.repair);
  const leaks = await steadyLeaks(parts);
  for (const leak of leaks) findings.push(await report(leak, options.repair));
  findings.push(...(await examineVolumes(parts.volumes, options.repair)));
  findings.push(
    ...(await examineRows(
      [...damagedInstances(parts.registry.damaged.list()), ...parts.damagedRows()],
      options.repair,
    )),
  );
  findings.push(...examineSources(parts.registry.list(), parts.sources));
  findings.push(...(await parts.examineImages(options)));
  return [...findings, ...examineSetAside(parts.setAside, options.discard)];
}

/** Instances that nobody sees any more, whose removal failed half-way and is not being tried. */
export function stuckRemovals(
  registry: Registry,
  lifecycle: Pick<Lifecycle, 'busy'>,
): readonly InstanceRecord[] {
  return registry
    .all()
    .filter(({ config, status }) => status.state === 'removing' && !lifecycle.busy(config.id));
}

async function finishRemovals({ stuck }: CheckParts, repair: boolean): Promise<CheckFinding[]> {
  const found = stuck.list();
  if (repair) await Promise.all(found.map(({ config }) => stuck.retry(config.id)));
  const left = new Set(stuck.list().map(({ config }) => config.id));
  return found.map(({ config }) => ({
    problem: 'leak',
    kind: 'instance',
    what: config.name,
    owner: config.id,
    repaired: !left.has(config.id),
    note: left.has(config.id)
      ? `its removal did not end${repair ? ' this time either: the daemon’s log says why' : '; hull check --repair tries again'}`
      : 'its removal has ended',
  }));
}

/** Removes every leak: at start, when nothing is in progress; but for what runs without a record. Returns what was found. */
export async function removeLeaks(parts: LeakParts): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const leaks = byRank(await findLeaks(parts));
  const known = [...parts.registry.ids()].map((id) => id.slice(0, 12));
  const removable = new Set(removableAtStart(leaks, (owner) => known.includes(owner.slice(0, 12))));
  for (const leak of leaks) findings.push(removable.has(leak) ? await report(leak, true) : kept(leak));
  return findings;
}

function kept({ kind, what, owner }: Leftover): CheckFinding {
  const note = 'left alone, for something runs without a record; hull check --repair ends it';
  return { problem: 'leak', kind, what, owner, repaired: false, note };
}

async function steadyLeaks(parts: LeakParts): Promise<readonly Leftover[]> {
  const first = await findLeaks(parts);
  if (first.length === 0) return [];
  await sleep(SECOND_LOOK);
  const seen = new Set(first.map((leak) => `${leak.kind} ${leak.what}`));
  return byRank((await findLeaks(parts)).filter((leak) => seen.has(`${leak.kind} ${leak.what}`)));
}

async function report(leak: Leftover, repair: boolean): Promise<CheckFinding> {
  const finding = { problem: 'leak', kind: leak.kind, what: leak.what, owner: leak.owner } as const;
  if (!repair)
    return {
      ...finding,
      repaired: false,
      note: `nothing accounts for it; hull check --repair ${leak.kept === true ? 'sets it aside' : 'removes it'}`,
    };
  try {
    await leak.remove();
    const note = leak.kept === true ? 'set aside: `hull check` lists it' : 'removed';
    return { ...finding, repaired: true, note };
  } catch (error) {
    return { ...finding, repaired: false, note: `cannot be removed: ${messageOf(error)}` };
  }
}
