import { existsSync, readFileSync } from 'node:fs';
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
      method: 'The sum of its compressed layers, as its manifest states them.',
      rows: [{ name: 'examples/freeradius', unit: 'MB', summary: summarize([megabytes]), goal }],
    },
  ];
}

/** As the engine's own store holds it, and as a registry would: the manifest names its compressed layers with their sizes. */
function compressedSize(hull: Hull, image: string): number {
  const digest = must(hull.command('image', 'inspect', '--format', '{{index .RepoDigests 0}}', image), {
    env: hull.env,
  });
  const file = join(hull.data, 'blobs/sha256', digest.trim().split('@sha256:')[1] ?? '');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly layers: readonly { readonly size: number }[];
  };
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}
