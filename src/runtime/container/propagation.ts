import { readFileSync } from 'node:fs';
import { HullError } from '../../model/errors.ts';
import type { InstanceMount } from '../../model/instance.ts';

/** One line of /proc/PID/mountinfo, as far as it matters here. */
interface MountPoint {
  readonly path: string;
  readonly shared: boolean;
  readonly slave: boolean;
}

/**
 * How the container's root must propagate for its mounts to do so, null for not at all. Docker's rule, and its words: what is to be shared must lie
 * on a shared mount, what is to be a slave on a shared or slave one. Throws `start-failed`.
 */
export function checkedPropagation(
  mounts: readonly InstanceMount[],
  mountInfo: () => string = () => readFileSync('/proc/self/mountinfo', 'utf8'),
): 'rshared' | 'rslave' | null {
  const asking = mounts.filter(({ options }) => options.some((option) => /^r?(shared|slave)$/.test(option)));
  if (asking.length === 0) return null;
  const points = parse(mountInfo());
  let strongest: 'rshared' | 'rslave' = 'rslave';
  for (const { source, options } of asking) {
    const on = holding(points, source);
    const shared = options.some((option) => option.endsWith('shared'));
    if (shared) strongest = 'rshared';
    if (on.shared || (!shared && on.slave)) continue;
    throw new HullError(
      'start-failed',
      `path ${source} is mounted on ${on.path} but it is not a shared${shared ? '' : ' or slave'} mount`,
    );
  }
  return strongest;
}

/** The mount that a path lies on: the last one of the longest place. */
function holding(points: readonly MountPoint[], path: string): MountPoint {
  let found: MountPoint = { path: '/', shared: false, slave: false };
  for (const point of points) {
    const contains = point.path === '/' || path === point.path || path.startsWith(`${point.path}/`);
    if (contains && point.path.length >= found.path.length) found = point;
  }
  return found;
}

/** `36 35 98:0 /root /place options optional… - type source options` (proc(5)). */
function parse(text: string): MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const path = fields[4];
    const end = fields.indexOf('-');
    if (path === undefined || end < 6) return [];
    const optional = fields.slice(6, end);
    return [
      {
        path: path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 8)),
        ),
        shared: optional.some((field) => field.startsWith('shared:')),
        slave: optional.some((field) => field.startsWith('master:')),
      },
    ];
  });
}
