import type { GcAnswer, GcKind, GcPolicy, GcSchedule } from '../../../api/native.ts';
import { defineCommand } from '../command.ts';
import { bool, integer, parsed, type Values } from '../flags/flag.ts';
import { table } from '../format/table.ts';
import { humanDuration, humanSize } from '../format/units.ts';
import type { CliIo } from '../io.ts';
import { UsageError } from '../usage-error.ts';
import { parseBytes } from '../values/size.ts';
import { parseDuration } from '../values/time.ts';

const DAY = 24 * 3_600_000;

const FLAGS = {
  'build-cache': bool('Only the build cache (and what else is named)'),
  containers: bool('Only stopped instances (and what else is named)'),
  'dry-run': bool('Show what would be removed, and remove nothing', { short: 'n' }),
  every: parsed('Let the engine run this policy at this interval; 0 turns it off', parseAge, {
    placeholder: 'duration',
  }),
  images: bool('Only images that no instance uses (and what else is named)'),
  keep: integer('The youngest of each kind that stay in any case', { shownDefault: '0' }),
  'max-size': parsed('Remove only as much, the oldest first, as makes all fit into this size', parseBytes, {
    placeholder: 'bytes',
  }),
  'older-than': parsed('Leave what was used later', parseAge, {
    placeholder: 'duration',
    shownDefault: '24h',
  }),
  scheduled: bool('Show the policy that the engine runs'),
  volumes: bool('Volumes that no instance mounts too: never without this flag'),
} as const;

export const command = defineCommand({
  usage: 'gc [OPTIONS]',
  summary:
    'Remove unused objects: stopped instances, images, the build cache, and volumes if asked for. Those with the label hull.keep=true stay',
  example: 'hull gc --dry-run --older-than 7d\nhull gc --every 24h --older-than 7d --max-size 20g',
  flags: FLAGS,
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    if (values.scheduled) return printSchedule(io, await client.native.gcSchedule());
    if (values.every === 0) {
      await client.native.setGcSchedule(null);
      return 0;
    }
    const policy = policyOf(values);
    if (values.every !== undefined) {
      await client.native.setGcSchedule({ policy, every: values.every });
      return 0;
    }
    return report(io, await client.native.gc({ policy, dryRun: values['dry-run'] }), values['dry-run']);
  },
});

function policyOf(values: Values<typeof FLAGS>): GcPolicy {
  const named: GcKind[] = [
    ...(values.containers ? (['container'] as const) : []),
    ...(values.images ? (['image'] as const) : []),
    ...(values['build-cache'] ? (['build-cache'] as const) : []),
  ];
  const standard: readonly GcKind[] = ['container', 'image', 'build-cache'];
  const onlyVolumes = values.volumes && named.length === 0;
  if ((values.keep ?? 0) < 0) throw new UsageError('--keep must not be negative');
  return {
    kinds: [
      ...(named.length > 0 || onlyVolumes ? named : standard),
      ...(values.volumes ? (['volume'] as const) : []),
    ],
    olderThan: values['older-than'] ?? DAY,
    keep: values.keep ?? 0,
    maxBytes: values['max-size'] ?? null,
  };
}

function report(io: CliIo, { actions, bytes }: GcAnswer, dryRun: boolean): number {
  const rows = actions.map(({ kind, id, name, age, bytes: size, note }) => [
    kind,
    id.replace('sha256:', '').slice(0, 12),
    name,
    humanDuration(age),
    humanSize(size),
    note === '' ? (dryRun ? 'would go' : 'removed') : note,
  ]);
  const titles = ['KIND', 'ID', 'NAME', 'UNUSED FOR', 'SIZE', 'RESULT'];
  if (rows.length > 0) io.out(table([titles, ...rows]));
  io.out(`Total ${dryRun ? 'reclaimable' : 'reclaimed'} space: ${humanSize(bytes)}\n`);
  return actions.some(({ note }) => note !== '') ? 1 : 0;
}

function printSchedule(io: CliIo, schedule: GcSchedule | null): number {
  if (schedule === null) {
    io.out('The engine runs no policy; see `hull gc --help`, --every\n');
    return 0;
  }
  const { policy, every } = schedule;
  const size = policy.maxBytes === null ? '' : `, until all fits into ${humanSize(policy.maxBytes)}`;
  io.out(
    `Every ${humanDuration(every)}: ${policy.kinds.join(', ')} not used for ${humanDuration(policy.olderThan)}, but the ${policy.keep} youngest of each${size}\n`,
  );
  return 0;
}

/** Go's durations, and days: `7d`. Milliseconds. */
function parseAge(value: string): number {
  const days = /^(\d{1,6}(?:\.\d+)?)d$/.exec(value)?.[1];
  const milliseconds = days !== undefined ? Number(days) * DAY : value === '0' ? 0 : parseDuration(value);
  if (milliseconds === null || milliseconds < 0)
    throw new Error("it must be a duration such as '7d' or '12h'");
  return Math.round(milliseconds);
}
