import type { HistoryEntry, ImageConfig } from '../model/image.ts';
import { HullError } from '../model/errors.ts';
import type { BuildPlan } from './graph/plan.ts';
import type { BuildNode } from './graph/node.ts';
import type { Platform } from './graph/variables.ts';
import type { Solved } from './solve/solver.ts';

export interface ExportOptions {
  readonly platform: Platform;
  /** Milliseconds since the epoch, from SOURCE_DATE_EPOCH: every date of this build. Null: when the layers were made. */
  readonly epoch: number | null;
  readonly now: number;
  /** What a node of the plan came to. */
  readonly resultOf: (node: BuildNode) => Promise<Solved>;
}

/**
 * The image's configuration. Its dates are those of its layers, not of the build: the same blueprint over a full cache makes the same image
 * again, digest and all.
 */
export async function exportConfig(
  plan: BuildPlan,
  options: ExportOptions,
): Promise<Omit<ImageConfig, 'rootfs'>> {
  const history: HistoryEntry[] = [];
  let latest: number | null = null;
  for (const entry of plan.history) {
    if ('base' in entry) {
      history.push(entry.base);
      latest = Math.max(latest ?? 0, Date.parse(entry.base.created ?? '') || 0) || latest;
      continue;
    }
    const solved = entry.node === null ? null : await options.resultOf(entry.node);
    const made = solved?.createdAt ?? null;
    latest = options.epoch ?? (made === null ? latest : Math.max(latest ?? 0, made));
    const empty = solved === null || solved.own === null;
    history.push({ ...dated(latest), created_by: entry.text, ...(empty ? { empty_layer: true } : {}) });
  }
  return {
    created: new Date(options.epoch ?? latest ?? options.now).toISOString(),
    ...(plan.author === undefined ? {} : { author: plan.author }),
    ...options.platform,
    config: plan.config,
    history,
  };
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org): seconds since the epoch, given as a build argument. */
export function sourceDateEpoch(args: Readonly<Record<string, string>>): number | null {
  const text = args['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return null;
  if (/^\d{1,12}$/u.test(text)) return Number(text) * 1000;
  throw new HullError(
    'invalid-argument',
    `SOURCE_DATE_EPOCH must be whole seconds since 1970, not "${text}"`,
  );
}

function dated(milliseconds: number | null): Pick<HistoryEntry, 'created'> {
  return milliseconds === null ? {} : { created: new Date(milliseconds).toISOString() };
}
