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
      method: 'The sum of its compressed layers, as its manifest states them.',
      rows: [{ name: 'examples/freeradius', unit: 'MB', summary: summarize([megabytes]), goal }],
    },
  ];
}

/** As a registry would hold it: the manifest in the saved image names its compressed layers with their sizes. */
function compressedSize(hull: Hull, image: string): number {
  const archive = join(hull.folder, 'freeradius.tar');
  must(hull.command('save', '-o', archive, image), { env: hull.env });
  const member = (name: string): unknown => JSON.parse(must(['tar', '-xOf', archive, name]));
  const { manifests } = member('index.json') as { manifests: readonly { digest: string }[] };
  const digest = manifests[0]?.digest.replace(':', '/') ?? '';
  const { layers } = member(`blobs/${digest}`) as { layers: readonly { size: number }[] };
  return layers.reduce((sum, { size }) => sum + size, 0);
}
