import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Hull } from '../peers/hull.ts';
import type { Table } from '../result.ts';
import { must } from '../shell.ts';
import { summarize } from '../statistics.ts';
import { PROJECT } from '../workplace.ts';
import type { Bench } from './part.ts';

const LIMIT = 8;

/** How large the example's image is, compressed as a registry would hold it. */
export async function imagePart(bench: Bench): Promise<readonly Table[]> {
  const { hull } = bench;
  const example = join(PROJECT, 'examples/freeradius');
  if (hull === null || !existsSync(example)) return [];
  bench.say('image: a Debian base image from the package mirror');
  must(hull.command('bootstrap', 'debian:bookworm-slim'), { env: hull.env });
  bench.say('image: building examples/freeradius');
  must(hull.command('build', '-q', '-t', 'bench-freeradius', example), { env: hull.env });
  const megabytes = compressedSize(hull, 'bench-freeradius') / 1e6;
  const goal = { text: `at most ${LIMIT} MB`, met: megabytes <= LIMIT };
  return [
    {
      title: 'The FreeRADIUS image',
      method: 'The sum of its layers, each compressed with gzip -6, as `docker push` would send them.',
      rows: [{ name: 'examples/freeradius', unit: 'MB', summary: summarize([megabytes]), goal }],
    },
  ];
}

/** The root filesystem of a container that was never started, as one archive, through gzip. */
function compressedSize(hull: Hull, image: string): number {
  const script = `set -eu
id=$("$1" create "$2")
"$1" export "$id" | gzip -6 | wc -c
"$1" rm "$id" >/dev/null`;
  return Number(must(['sh', '-c', script, 'sh', hull.command()[0] ?? '', image], { env: hull.env }));
}
